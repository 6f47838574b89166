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

-- Every edge fetches what it is asked for. Which of them is up changes often, so
-- no reply that is kept says it.
CREATE FUNCTION vvault_stream.edges_serving(video_id text) RETURNS json
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(json_agg(e.edge_id ORDER BY e.edge_id), '[]') FROM vvault_stream.edges e
	WHERE edges_serving.video_id IS NOT NULL
$$;
COMMENT ON FUNCTION vvault_stream.edges_serving(text) IS
'The names of the edges that serve a video''s files, up or down.';

INSERT INTO vvault_stream.file_servers (function_schema, function_name) VALUES ('vvault_stream', 'edges_serving');

-- Another set of names is a new version for every video. By row, as an edge that
-- is only said to be up or down is no new one.
CREATE TRIGGER edges_changed AFTER INSERT OR DELETE OR UPDATE OF edge_id ON vvault_stream.edges
FOR EACH ROW EXECUTE FUNCTION vvault_stream.assets_truncated();
CREATE TRIGGER edges_truncated AFTER TRUNCATE ON vvault_stream.edges
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.assets_truncated();

CREATE FUNCTION @extschema@.vvault_edge(edge_id text, base_url text DEFAULT NULL, weight double precision DEFAULT NULL,
	state text DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	e vvault_stream.edges;
	wrong text;
BEGIN
	SELECT o.* INTO e FROM vvault_stream.edges o WHERE o.edge_id = vvault_edge.edge_id FOR UPDATE;
	e := (vvault_edge.edge_id, coalesce(vvault_edge.base_url, e.base_url), coalesce(vvault_edge.weight, e.weight, 1),
		coalesce(vvault_edge.state, e.state, 'up'));
	wrong := CASE WHEN NOT coalesce(e.edge_id ~ '^[A-Za-z0-9_.-]{1,64}$', false) THEN 'edge_id'
		WHEN NOT coalesce(e.base_url ~ '^https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._-]+)*$', false) THEN 'base_url'
		WHEN NOT e.weight BETWEEN 0.001 AND 1000 THEN 'weight'
		WHEN e.state NOT IN ('up', 'down') THEN 'state' END;
	IF wrong IS NOT NULL THEN
		PERFORM vvault_stream.refuse('invalid ' || wrong, 'An edge has a name of A-Z, a-z, 0-9, _, . and -, a URL such as '
			'https://edge.example.org without a / at its end, a weight from 0.001 to 1000, and the state up or down.');
	END IF;
	INSERT INTO vvault_stream.edges AS o VALUES (e.*)
	ON CONFLICT (edge_id) DO UPDATE SET base_url = e.base_url, weight = e.weight, state = e.state;
	RETURN json_build_object('edge_id', e.edge_id, 'base_url', e.base_url, 'weight', e.weight, 'state', e.state);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_edge(text, text, double precision, text) IS
'Adds an edge, or changes one: {"edge_id", "base_url", "weight", "state"}. Viewers are sent to edges that are up.
Units and ranges: base_url is a URL without a / at its end; weight is its share beside other edges, from 0.001 to 1000; state is up or down.
NULL: NULL leaves what there is, or takes the default: weight 1, up; edge_id NULL is an error.
Errors: 22023 for what no edge can be.
Source: vvault_stream.edges.';
