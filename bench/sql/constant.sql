-- A feed as the inside of an E'' constant, in which pgbench sees no variable.
SELECT replace(replace(replace(vvault_trending('PL')::text, '\', '\\'), '''', '\'''), ':', '\x3a');
