-- Where viewers fetch from.

CREATE TABLE vvault_stream.edges (
	edge_id text COLLATE "C" PRIMARY KEY CHECK (edge_id ~ '^[A-Za-z0-9_.-]{1,64}$'),
	base_url text COLLATE "C" NOT NULL CHECK (base_url ~ '^https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._-]+)*$'),
	weight double precision NOT NULL DEFAULT 1 CHECK (weight BETWEEN 0.001 AND 1000),
	state text COLLATE "C" NOT NULL DEFAULT 'up' CHECK (state IN ('up', 'down'))
);
COMMENT ON TABLE vvault_stream.edges IS
'Servers that viewers fetch from, configured as deploy/edge.conf. Dumped.';
COMMENT ON COLUMN vvault_stream.edges.weight IS 'its share beside other edges';
COMMENT ON COLUMN vvault_stream.edges.state IS 'up, or down: no new viewer is sent there';
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.edges', '');
