-- Homes: where there are several nodes (src/mesh), each region is written on one
-- of them. These tables say which; all tables of other regions come from there.
--
-- A node says of a region that it is at home there, that it has given it to
-- another one, or that it has seen all of what the giver wrote. Each row has one
-- writer, and nodes tell each other their own. Of those that speak of a home the
-- one with the greatest serial counts.

CREATE TABLE vvault.mesh_nodes (
	node text COLLATE "C" PRIMARY KEY CHECK (node ~ '^[a-z][a-z0-9_]{0,19}$'),
	is_self boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX mesh_nodes_self_idx ON vvault.mesh_nodes (is_self) WHERE is_self;
COMMENT ON TABLE vvault.mesh_nodes IS
'The nodes of the mesh as this one knows them, itself among them; none where there is no mesh. Written by vvault_mesh_join() and vvault_mesh_leave(). Not dumped.';

CREATE TABLE vvault.mesh_says (
	region text COLLATE "C" NOT NULL CHECK (region ~ '^[A-Z][A-Z0-9_]{1,7}$'),
	node text COLLATE "C" NOT NULL CHECK (node ~ '^[a-z][a-z0-9_]{0,19}$'),
	serial bigint NOT NULL,
	says text NOT NULL CHECK (says IN ('home', 'given', 'seen')),
	to_node text COLLATE "C" CHECK ((to_node IS NOT NULL) = (says = 'given')),
	PRIMARY KEY (region, node)
);
COMMENT ON TABLE vvault.mesh_says IS
'What each node says of a region: that it is written there (home), that it is given to another node, or that all has come that was written before it was given (seen). Nodes tell each other their own rows. Not dumped.';
COMMENT ON COLUMN vvault.mesh_says.serial IS 'counts the homes that the region has had; seen repeats that of what is seen';

CREATE VIEW vvault.mesh_homes AS
	SELECT DISTINCT ON (s.region) s.region, s.node, s.serial, s.says, s.to_node
	FROM vvault.mesh_says s WHERE s.says IN ('home', 'given')
	ORDER BY s.region, s.serial DESC, s.node;
COMMENT ON VIEW vvault.mesh_homes IS 'The last word on where each region is written.';

CREATE FUNCTION vvault.is_home(region text) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	self text COLLATE "C" := (SELECT n.node FROM vvault.mesh_nodes n WHERE n.is_self);
BEGIN
	RETURN self IS NULL OR EXISTS (SELECT FROM vvault.mesh_homes h
		WHERE h.region = is_home.region AND h.node = self AND h.says = 'home');
END
$$;
COMMENT ON FUNCTION vvault.is_home(text) IS
'Whether this database writes a region: all of them where it is no node of a mesh.';

-- Rows of a region that no living node has may be deleted anywhere: they are
-- what is left of another time.
CREATE FUNCTION vvault.require_home(region text, deleting boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	home record;
BEGIN
	IF vvault.is_home(require_home.region) THEN
		RETURN;
	END IF;
	SELECT h.node, h.says, h.to_node, n.node IS NOT NULL AS there INTO home
	FROM vvault.mesh_homes h LEFT JOIN vvault.mesh_nodes n ON n.node = h.node
	WHERE h.region = require_home.region;
	IF home.says = 'given' THEN
		RAISE EXCEPTION 'region "%" is on its way from node "%" to node "%"', require_home.region, home.node, home.to_node
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('Try again on node "%s"; vvault_mesh_join there takes it.', home.to_node);
	ELSIF home.there THEN
		RAISE EXCEPTION 'region "%" lives on node "%"', require_home.region, home.node
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('Write it on node "%s": it comes here from there.', home.node);
	ELSIF NOT coalesce(require_home.deleting, false) THEN
		RAISE EXCEPTION 'region "%" lives on no node of the mesh', require_home.region
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'vvault_mesh_join on one of them takes it.';
	END IF;
END
$$;
COMMENT ON FUNCTION vvault.require_home(text, boolean) IS
'Raises 55000 with the node''s name for a region that is written on another node.';
