-- What comes from other nodes, and what must not be written here.
--
-- Built-in logical replication writes row by row, in the order of the commits of
-- the node where a region is at home, and one transaction of it is one here. It
-- fires no trigger but those that are said to be for it, and of these only the
-- ones for rows. So whatever belongs to one region comes as it is, derived tables
-- included: a transaction of the origin leaves them right, hence one here does.
-- What joins regions is made here: the set of a video's regions.
--
-- Versions are made here too, for each transaction that comes: a tag may vouch
-- only for what commits with it in one transaction of one server. The first copy
-- of a table commits for itself, before the next table's; it fires the same
-- triggers.

-- A derived table is one that has a view of what it should hold.
CREATE FUNCTION vvault.mesh_tables() RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT '{videos,snapshots,ingests,rejected_items,earlier_texts}'::text[] || array_agg(c.relname::text ORDER BY c.relname)
	FROM pg_class c
	WHERE c.relnamespace = 'vvault'::regnamespace AND c.relkind = 'r' AND c.relname <> 'videos'
		AND to_regclass('vvault.expected_' || c.relname) IS NOT NULL
		AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'region')
$$;
COMMENT ON FUNCTION vvault.mesh_tables() IS
'The tables that a region''s home sends to other nodes: all that a region leads.';

-- Whoever writes region W, were it from afar, holds the row (W, W) from its
-- first row on, as local writers do.
CREATE FUNCTION vvault.mesh_applied() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	written text COLLATE "C" := CASE TG_OP WHEN 'DELETE' THEN OLD.region ELSE NEW.region END;
BEGIN
	PERFORM FROM vvault.feed_versions f
	WHERE f.region = written AND f.written_by = written AND f.xmin = pg_current_xact_id()::xid;
	IF NOT FOUND THEN
		PERFORM vvault.bump(ARRAY[written], ARRAY[written]);
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.mesh_applied() IS
'Trigger on rows that come from another node: a new version of the region''s feed, one for each transaction.';

CREATE FUNCTION vvault.mesh_listed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF TG_OP <> 'INSERT' THEN
		PERFORM vvault.relist(ARRAY[OLD.region], ARRAY[OLD.video_id]);
	END IF;
	IF TG_OP <> 'DELETE' THEN
		PERFORM vvault.relist(ARRAY[NEW.region], ARRAY[NEW.video_id]);
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.mesh_listed() IS
'Trigger on rows of vvault.videos that come from another node: the set of a video''s regions, and the versions of feeds that show it.';

-- A node that hears of a region that is given has all of what the giver wrote:
-- what one node commits comes in that order.
CREATE FUNCTION vvault.mesh_heard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO vvault.mesh_says AS s (region, node, serial, says)
	SELECT NEW.region, n.node, NEW.serial, 'seen' FROM vvault.mesh_nodes n WHERE n.is_self
	ON CONFLICT (region, node) DO UPDATE SET serial = EXCLUDED.serial, says = EXCLUDED.says, to_node = NULL
		WHERE s.serial < EXCLUDED.serial;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.mesh_heard() IS
'Trigger on rows of vvault.mesh_says that come from another node and give a region away: says that it was seen.';

CREATE FUNCTION vvault.mesh_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF TG_OP = 'TRUNCATE' THEN
		RAISE EXCEPTION 'cannot truncate "%" on a node of a mesh', TG_TABLE_NAME
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Other nodes would not hear of it. Use DELETE for the regions that are written here.';
	END IF;
	PERFORM vvault.require_home(c.region, TG_OP = 'DELETE') FROM (SELECT DISTINCT c.region FROM changed_rows c) c;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault.mesh_guard() IS
'Trigger on what is written here: refuses rows of a region that is written on another node, and TRUNCATE.';

-- Only a node of a mesh has these triggers, so nobody else pays for them. By the
-- order of names the guard comes when the region is locked.
CREATE FUNCTION vvault.mesh_arm() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	made record;
BEGIN
	FOR made IN
		SELECT t.name AS relation, k.* FROM unnest(vvault.mesh_tables()) t (name), (VALUES
			('mesh_applied', 'AFTER INSERT OR UPDATE OR DELETE', 'FOR EACH ROW', 'mesh_applied', true),
			('mesh_truncated', 'BEFORE TRUNCATE', 'FOR EACH STATEMENT', 'mesh_guard', false))
			k (name, moment, form, function, of_applied)
		UNION ALL VALUES
			('videos', 'mesh_listed', 'AFTER INSERT OR DELETE', 'FOR EACH ROW', 'mesh_listed', true),
			('videos', 'mesh_renamed', 'AFTER UPDATE',
				'FOR EACH ROW WHEN ((OLD.region, OLD.video_id) <> (NEW.region, NEW.video_id))', 'mesh_listed', true),
			('mesh_says', 'mesh_heard', 'AFTER INSERT OR UPDATE', 'FOR EACH ROW WHEN (NEW.says = ''given'')', 'mesh_heard', true)
		UNION ALL SELECT t.name, t.name || '_written_here' || k.name, k.moment,
			format('REFERENCING %s TABLE AS changed_rows FOR EACH STATEMENT', k.side), 'mesh_guard', false
		FROM unnest('{videos,snapshots}'::text[]) t (name), (VALUES
			('', 'AFTER INSERT', 'NEW'), ('_from', 'AFTER UPDATE', 'OLD'),
			('_to', 'AFTER UPDATE', 'NEW'), ('_less', 'AFTER DELETE', 'OLD'))
			k (name, moment, side)
	LOOP
		EXECUTE format('CREATE TRIGGER %I %s ON vvault.%I %s EXECUTE FUNCTION vvault.%I()',
			made.name, made.moment, made.relation, made.form, made.function);
		IF made.of_applied THEN
			EXECUTE format('ALTER TABLE vvault.%I ENABLE REPLICA TRIGGER %I', made.relation, made.name);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION vvault.mesh_arm() IS
'Part of vvault_mesh_join: makes the triggers of a node.';

CREATE FUNCTION vvault.mesh_disarm() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record;
BEGIN
	FOR t IN
		SELECT g.tgname, g.tgrelid::regclass AS relation FROM pg_trigger g
		WHERE g.tgfoid IN ('vvault.mesh_applied()'::regprocedure, 'vvault.mesh_listed()'::regprocedure,
			'vvault.mesh_heard()'::regprocedure, 'vvault.mesh_guard()'::regprocedure)
	LOOP
		EXECUTE format('DROP TRIGGER %I ON %s', t.tgname, t.relation);
	END LOOP;
END
$$;
COMMENT ON FUNCTION vvault.mesh_disarm() IS
'Part of vvault_mesh_leave: drops the triggers of a node.';
