-- The mesh: several primaries, each of which writes its own regions and has all
-- others from the node where they are at home, by built-in logical replication.
--
-- Each node has one publication, whose row filters let out the regions that are
-- at home there and nothing else: so no row comes back to where it came from.
-- For each other node it has a slot that this one reads, and a subscription to
-- it. The slot is made by the node that it is on, since CREATE SUBSCRIPTION can
-- make none inside a function.

CREATE FUNCTION vvault.mesh_slot(at text, reader text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN format('vvault_mesh_%s_%s', at, reader);
COMMENT ON FUNCTION vvault.mesh_slot(text, text) IS
'The slot on a node that another one reads.';

CREATE FUNCTION vvault.mesh_make_slot(slot text) RETURNS void
AS 'MODULE_PATHNAME', 'vvault_mesh_make_slot'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault.mesh_make_slot(text) IS
'Makes a slot with the plugin pgoutput, as pg_create_logical_replication_slot() does, from inside a function.';

-- Regions that this node alone should have, or none: what no node says to have.
CREATE VIEW vvault.mesh_homeless AS
	SELECT f.region FROM vvault.feed_versions f
	WHERE f.region = f.written_by AND NOT EXISTS (SELECT FROM vvault.mesh_homes h
			JOIN vvault.mesh_nodes n ON n.node = h.node WHERE h.region = f.region)
		AND (EXISTS (SELECT FROM vvault.videos t WHERE t.region = f.region)
			OR EXISTS (SELECT FROM vvault.snapshots t WHERE t.region = f.region)
			OR EXISTS (SELECT FROM vvault.daily_stats t WHERE t.region = f.region)
			OR EXISTS (SELECT FROM vvault.earlier_texts t WHERE t.region = f.region)
			OR EXISTS (SELECT FROM vvault.ingests t WHERE t.region = f.region)
			OR EXISTS (SELECT FROM vvault.rejected_items t WHERE t.region = f.region));
COMMENT ON VIEW vvault.mesh_homeless IS
'Regions that have rows here and are at home on no node of the mesh: a first copy of them would meet these rows.';

CREATE FUNCTION vvault.mesh_require(node text, regions text[], self text, conninfo text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	problem text;
	hint text;
BEGIN
	IF NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) THEN
		RAISE EXCEPTION 'permission denied to change the mesh'
			USING ERRCODE = 'insufficient_privilege', HINT = 'Subscriptions and slots are a superuser''s.';
	ELSIF mesh_require.node IS NULL OR mesh_require.node !~ '^[a-z][a-z0-9_]{0,19}$' THEN
		problem := coalesce('invalid node "' || left(mesh_require.node, 64) || '"', 'node must not be null');
		hint := 'A name of up to 20 small letters, digits and underscores, a letter first.';
	ELSIF mesh_require.regions IS NULL OR array_position(mesh_require.regions, NULL) IS NOT NULL
		OR EXISTS (SELECT FROM unnest(mesh_require.regions) r WHERE r !~ '^[A-Z][A-Z0-9_]{1,7}$') THEN
		problem := coalesce('invalid regions ' || left(mesh_require.regions::text, 64), 'regions must not be null');
		hint := 'Give their codes, such as {PL,SE}.';
	ELSIF mesh_require.conninfo IS NOT NULL AND mesh_require.node = coalesce(mesh_require.self, mesh_require.node) THEN
		problem := 'a node needs no connection to itself';
		hint := 'Name this node first, without a connection; then each other one with its own.';
	ELSIF mesh_require.conninfo IS NULL AND mesh_require.self IS NOT NULL
		AND NOT EXISTS (SELECT FROM vvault.mesh_nodes n WHERE n.node = mesh_require.node) THEN
		problem := format('node "%s" has not joined', mesh_require.node);
		hint := 'Give its connection.';
	ELSIF mesh_require.conninfo IS NOT NULL
		AND EXISTS (SELECT FROM vvault.mesh_nodes n WHERE n.node = mesh_require.node) THEN
		problem := format('node "%s" has joined already', mesh_require.node);
		hint := 'For another connection: ALTER SUBSCRIPTION. To copy all anew: vvault_mesh_leave() on both nodes first.';
	END IF;
	IF problem IS NOT NULL THEN
		RAISE EXCEPTION '%', problem USING ERRCODE = 'invalid_parameter_value', HINT = hint;
	END IF;
END
$$;
COMMENT ON FUNCTION vvault.mesh_require(text, text[], text, text) IS
'Part of vvault_mesh_join: 22023 for an argument that is not valid, 42501 for who may not.';

-- The regions that are at home here. What was written before is sent by the
-- filter of then: decoding reads the catalog as it was.
CREATE FUNCTION vvault.mesh_publish(self text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own text[] := ARRAY(SELECT s.region FROM vvault.mesh_says s
		WHERE s.node = mesh_publish.self AND s.says = 'home' ORDER BY s.region);
BEGIN
	EXECUTE 'ALTER PUBLICATION vvault_mesh SET TABLE '
		|| format('vvault.mesh_says WHERE (node = %L)', mesh_publish.self)
		|| (SELECT string_agg(format(', vvault.%I WHERE (region = ANY (%L))', t, own), '')
			FROM unnest(vvault.mesh_tables()) t);
END
$$;
COMMENT ON FUNCTION vvault.mesh_publish(text) IS
'Part of vvault_mesh_join: lets the regions out that are at home here.';

CREATE FUNCTION vvault.mesh_begin(self text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF current_setting('wal_level') <> 'logical' THEN
		RAISE EXCEPTION 'wal_level of this server is "%"', current_setting('wal_level')
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Set wal_level = logical and restart the server.';
	END IF;
	INSERT INTO vvault.mesh_nodes (node, is_self) VALUES (mesh_begin.self, true);
	CREATE PUBLICATION vvault_mesh WITH (publish = 'insert, update, delete');
	PERFORM vvault.mesh_arm();
	PERFORM vvault.mesh_publish(mesh_begin.self);
END
$$;
COMMENT ON FUNCTION vvault.mesh_begin(text) IS
'Part of vvault_mesh_join: makes this database a node.';

-- What a first copy brings must not meet rows that are here already, and must
-- find each region with its home. The copy of another node may have brought rows
-- before it tells of their homes: those are not to be dropped.
CREATE FUNCTION vvault.mesh_refuse_copy() RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own text COLLATE "C" := (SELECT n.node FROM vvault.mesh_nodes n WHERE n.is_self);
	regions text := (SELECT string_agg(h.region, ',' ORDER BY h.region) FROM vvault.mesh_homeless h);
	given text := (SELECT min(h.region) FROM vvault.mesh_homes h WHERE h.says = 'given');
	untold text := (SELECT min(n.node) FROM vvault.mesh_nodes n JOIN pg_subscription p ON p.subname = 'vvault_mesh_' || n.node
			AND p.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
		JOIN pg_subscription_rel r ON r.srsubid = p.oid
		WHERE r.srrelid = 'vvault.mesh_says'::regclass AND r.srsubstate NOT IN ('f', 's', 'r'));
BEGIN
	IF regions IS NOT NULL AND untold IS NOT NULL THEN
		RAISE EXCEPTION 'node "%" has not told its regions yet', untold
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Its first copy is under way. Try again; vvault_mesh_status() tells.';
	ELSIF regions IS NOT NULL THEN
		RAISE EXCEPTION 'there are rows of regions that live on no node: %', regions
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('Say that they live here, by vvault_mesh_join(''%1$s'', ''{%2$s}''), or drop them, by vvault.mesh_forget(''{%2$s}'').', own, regions);
	ELSIF given IS NOT NULL THEN
		RAISE EXCEPTION 'region "%" is on its way to another node', given
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A node joins when it has arrived.';
	END IF;
END
$$;
COMMENT ON FUNCTION vvault.mesh_refuse_copy() IS
'Part of vvault_mesh_join: 55000 where a first copy would go wrong.';

-- The slot comes first: none can be made where the transaction has written. An
-- error of CREATE SUBSCRIPTION is raised anew, since what leads to it quotes the
-- statement with its connection.
CREATE FUNCTION vvault.mesh_subscribe(self text, node text, conninfo text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	subscription text := 'vvault_mesh_' || mesh_subscribe.node;
	problem text;
	state text;
BEGIN
	PERFORM vvault.mesh_refuse_copy();
	IF NOT EXISTS (SELECT FROM pg_replication_slots s
			WHERE s.slot_name = vvault.mesh_slot(mesh_subscribe.self, mesh_subscribe.node)) THEN
		PERFORM vvault.mesh_make_slot(vvault.mesh_slot(mesh_subscribe.self, mesh_subscribe.node));
	END IF;
	DELETE FROM vvault.mesh_says s WHERE s.node = mesh_subscribe.node;
	INSERT INTO vvault.mesh_nodes (node) VALUES (mesh_subscribe.node);
	BEGIN
		EXECUTE format('CREATE SUBSCRIPTION %I CONNECTION %L PUBLICATION vvault_mesh
				WITH (create_slot = false, slot_name = %L, copy_data = true, streaming = off)',
			subscription, mesh_subscribe.conninfo, vvault.mesh_slot(mesh_subscribe.node, mesh_subscribe.self));
	EXCEPTION WHEN OTHERS THEN
		problem := SQLERRM;
		state := SQLSTATE;
	END;
	IF problem IS NOT NULL THEN
		RAISE EXCEPTION '%', problem USING ERRCODE = state;
	ELSIF (SELECT count(*) FROM pg_subscription s JOIN pg_subscription_rel r ON r.srsubid = s.oid
			WHERE s.subname = subscription) <> cardinality(vvault.mesh_tables()) + 1 THEN
		RAISE EXCEPTION 'node "%" does not publish what a node of the mesh does', mesh_subscribe.node
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('First call vvault_mesh_join(''%s'', its regions) there.', mesh_subscribe.node);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault.mesh_subscribe(text, text, text) IS
'Part of vvault_mesh_join: a slot for another node, and a subscription to it.';

-- All writers wait, here and below: what they write goes out by one filter. A
-- region is taken from a living node when all nodes have seen that it was given.
CREATE FUNCTION vvault.mesh_take(self text, region text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	home record;
	late text;
BEGIN
	SELECT h.node, h.says, h.to_node, h.serial, n.node IS NOT NULL AND NOT n.is_self AS lives,
		EXISTS (SELECT FROM vvault.mesh_nodes t WHERE t.node = h.to_node) AS to_lives
	INTO home
	FROM vvault.mesh_homes h LEFT JOIN vvault.mesh_nodes n ON n.node = h.node WHERE h.region = mesh_take.region;
	IF home.node = mesh_take.self AND home.says = 'home' THEN
		RETURN;
	ELSIF home.node IS NULL AND EXISTS (SELECT FROM vvault.mesh_homeless h WHERE h.region = mesh_take.region)
		AND EXISTS (SELECT FROM vvault.mesh_nodes n WHERE NOT n.is_self) THEN
		RAISE EXCEPTION 'region "%" has rows here that no other node has', mesh_take.region
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Name it before another node joins, or drop its rows by vvault.mesh_forget().';
	ELSIF home.lives AND home.to_node IS DISTINCT FROM mesh_take.self
		OR home.node = mesh_take.self AND home.to_lives THEN
		PERFORM vvault.require_home(mesh_take.region);
	END IF;
	SELECT string_agg(n.node, ', ' ORDER BY n.node) INTO late FROM vvault.mesh_nodes n
	WHERE home.lives AND NOT n.is_self AND n.node <> home.node AND NOT EXISTS (SELECT FROM vvault.mesh_says s
		WHERE s.region = mesh_take.region AND s.node = n.node AND s.serial >= home.serial);
	IF late IS NOT NULL THEN
		RAISE EXCEPTION 'region "%" has not arrived everywhere: not yet on %', mesh_take.region, late
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Try again; vvault_mesh_status() tells. A node that is gone for good has to leave.';
	END IF;
	INSERT INTO vvault.mesh_says AS s (region, node, serial, says)
	VALUES (mesh_take.region, mesh_take.self, coalesce(home.serial, 0) + 1, 'home')
	ON CONFLICT (region, node) DO UPDATE SET serial = EXCLUDED.serial, says = EXCLUDED.says, to_node = NULL;
END
$$;
COMMENT ON FUNCTION vvault.mesh_take(text, text) IS
'Part of vvault_mesh_join: a region is written here from now on.';

CREATE FUNCTION vvault.mesh_give(self text, node text, region text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	PERFORM vvault.require_home(mesh_give.region);
	UPDATE vvault.mesh_says s SET serial = s.serial + 1, says = 'given', to_node = mesh_give.node
	WHERE s.region = mesh_give.region AND s.node = mesh_give.self;
END
$$;
COMMENT ON FUNCTION vvault.mesh_give(text, text, text) IS
'Part of vvault_mesh_join: a region is not written here any more.';

CREATE FUNCTION @extschema@.vvault_mesh_join(node text, regions text[] DEFAULT '{}', conninfo text DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	self text := (SELECT n.node FROM vvault.mesh_nodes n WHERE n.is_self);
BEGIN
	PERFORM vvault.mesh_require(vvault_mesh_join.node, vvault_mesh_join.regions, self, vvault_mesh_join.conninfo);
	IF vvault_mesh_join.conninfo IS NOT NULL THEN
		PERFORM vvault.mesh_subscribe(self, vvault_mesh_join.node, vvault_mesh_join.conninfo);
	END IF;
	PERFORM vvault.bump_all();
	IF self IS NULL THEN
		self := vvault_mesh_join.node;
		PERFORM vvault.mesh_begin(self);
	END IF;
	IF vvault_mesh_join.node = self THEN
		PERFORM vvault.mesh_take(self, r) FROM (SELECT DISTINCT r FROM unnest(vvault_mesh_join.regions) r) u (r);
	ELSE
		PERFORM vvault.mesh_give(self, vvault_mesh_join.node, r)
		FROM (SELECT DISTINCT r FROM unnest(vvault_mesh_join.regions) r) u (r);
	END IF;
	PERFORM vvault.mesh_publish(self);
	RETURN json_build_object('node', self,
		'regions', (SELECT coalesce(json_agg(h.region ORDER BY h.region), '[]') FROM vvault.mesh_homes h
			WHERE h.node = self AND h.says = 'home'),
		'given', (SELECT coalesce(json_object_agg(h.region, h.to_node ORDER BY h.region), '{}') FROM vvault.mesh_homes h
			WHERE h.node = self AND h.says = 'given'),
		'nodes', (SELECT json_agg(n.node ORDER BY n.node) FROM vvault.mesh_nodes n));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_mesh_join(text, text[], text) IS
'Makes this database a node of a mesh, subscribes it to another node, takes regions or gives them to another node.
Units and ranges: the first call names this node, without conninfo. With this node''s name, regions are at home here from now on: new ones, those of a node that has left, and those that their node has given to this one and all others have seen. With another node''s name, conninfo is the libpq connection to its database, and copies of its regions come here; regions are given to it. Names have up to 20 small letters, digits and underscores, a letter first, and differ in all of a server''s databases. Returns {node, regions, given: {region: node}, nodes}: what holds here now.
NULL: a NULL conninfo connects to nothing; a NULL node and NULL regions are errors.
Errors: 22023 for an invalid name, region or connection, 42501 unless the caller is a superuser, 55000 for a region that lives elsewhere or has not arrived everywhere, for rows that a copy would meet, for a copy under way that has not told its regions, for a node that does not publish yet and for a wal_level other than logical; those of CREATE SUBSCRIPTION. Nothing has changed then but that the other node''s slot may be there.
Source: the publication vvault_mesh, a subscription and a slot for each other node, vvault.mesh_nodes and vvault.mesh_says. A password in conninfo is shown to superusers alone, but the server''s log may quote a call; a passfile keeps it out of both.';

-- Whoever reads a slot has to go before it can be dropped, and comes back soon.
CREATE FUNCTION vvault.mesh_drop_slot(slot text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reader integer;
BEGIN
	FOR i IN 1 .. 1000 LOOP
		SELECT s.active_pid INTO reader FROM pg_replication_slots s WHERE s.slot_name = mesh_drop_slot.slot;
		EXIT WHEN NOT FOUND;
		BEGIN
			IF reader IS NULL THEN
				PERFORM pg_drop_replication_slot(mesh_drop_slot.slot);
				EXIT;
			END IF;
			PERFORM pg_terminate_backend(reader);
		EXCEPTION WHEN object_in_use THEN
			NULL;
		END;
		PERFORM pg_sleep(0.01);
	END LOOP;
END
$$;
COMMENT ON FUNCTION vvault.mesh_drop_slot(text) IS
'Part of vvault_mesh_leave: drops a slot, whoever reads it.';

CREATE FUNCTION @extschema@.vvault_mesh_leave(node text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql VOLATILE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	self text := (SELECT n.node FROM vvault.mesh_nodes n WHERE n.is_self);
	whole boolean := vvault_mesh_leave.node IS NULL OR coalesce(vvault_mesh_leave.node = self, false);
	was_there boolean := whole AND self IS NOT NULL
		OR EXISTS (SELECT FROM vvault.mesh_nodes n WHERE n.node = vvault_mesh_leave.node);
	s text;
BEGIN
	PERFORM vvault.mesh_require(coalesce(vvault_mesh_leave.node, self, 'self'), '{}', NULL, NULL);
	-- a dump brings subscriptions that no table here tells of
	FOR s IN
		SELECT p.subname FROM pg_subscription p
		WHERE p.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
			AND CASE WHEN whole THEN p.subname ~ '^vvault_mesh_' ELSE p.subname = 'vvault_mesh_' || vvault_mesh_leave.node END
	LOOP
		EXECUTE format('ALTER SUBSCRIPTION %I DISABLE', s);
		EXECUTE format('ALTER SUBSCRIPTION %I SET (slot_name = NONE)', s);
		EXECUTE format('DROP SUBSCRIPTION %I', s);
	END LOOP;
	PERFORM vvault.mesh_drop_slot(vvault.mesh_slot(self, n.node))
	FROM vvault.mesh_nodes n WHERE NOT n.is_self AND (whole OR n.node = vvault_mesh_leave.node);
	DELETE FROM vvault.mesh_nodes n WHERE whole OR n.node = vvault_mesh_leave.node;
	IF whole THEN
		DELETE FROM vvault.mesh_says;
		PERFORM vvault.mesh_disarm();
		IF EXISTS (SELECT FROM pg_publication p WHERE p.pubname = 'vvault_mesh') THEN
			DROP PUBLICATION vvault_mesh;
		END IF;
	END IF;
	RETURN was_there;
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_mesh_leave(text) IS
'Parts from a node of the mesh, or takes this database out of it; returns whether there was anything to part from.
Units and ranges: with another node''s name its subscription and slot here are dropped, and any node that stays may take its regions by vvault_mesh_join(). Without a name, or with this node''s, all of them are, and this is a database like any other, with all rows that it has. The other side calls it too: a slot of a node that is gone keeps the log of the one that it is on.
NULL: a NULL node is this one.
Errors: 22023 for an invalid name, 42501 unless the caller is a superuser.
Source: as vvault_mesh_join. Rows stay where they are; vvault.mesh_forget() drops those of regions, for a node that is to join again.';

CREATE FUNCTION vvault.mesh_forget(regions text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	forgotten bigint;
BEGIN
	PERFORM vvault.bump_all();
	IF EXISTS (SELECT FROM vvault.mesh_homes h JOIN vvault.mesh_nodes n ON n.node = h.node
			WHERE h.region = ANY (mesh_forget.regions)) THEN
		RAISE EXCEPTION 'one of these regions lives on a node'
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'What is left of another time can be dropped, no more.';
	END IF;
	DELETE FROM vvault.snapshots t WHERE t.region = ANY (mesh_forget.regions);
	GET DIAGNOSTICS forgotten = ROW_COUNT;
	DELETE FROM vvault.videos t WHERE t.region = ANY (mesh_forget.regions);
	DELETE FROM vvault.daily_videos t WHERE t.region = ANY (mesh_forget.regions);
	DELETE FROM vvault.daily_stats t WHERE t.region = ANY (mesh_forget.regions);
	DELETE FROM vvault.earlier_texts t WHERE t.region = ANY (mesh_forget.regions);
	DELETE FROM vvault.rejected_items t WHERE t.region = ANY (mesh_forget.regions);
	DELETE FROM vvault.ingests t WHERE t.region = ANY (mesh_forget.regions);
	RETURN forgotten;
END
$$;
COMMENT ON FUNCTION vvault.mesh_forget(text[]) IS
'Drops all rows of regions that are at home on no node; returns how many snapshots there were. For a database that is to get them from another one.';

-- Who reads from a node that cannot be reached, or meets an error in what comes, is
-- started again every few seconds and ends at once: that is no following.
CREATE FUNCTION @extschema@.vvault_mesh_status()
RETURNS TABLE (node text, is_self boolean, regions text[], given text[], state text, tables_to_copy bigint,
	heard_at timestamptz, reads boolean, owed_bytes bigint, seen_of text[])
LANGUAGE sql VOLATILE SECURITY DEFINER ROWS 3
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT n.node, n.is_self,
		ARRAY(SELECT h.region FROM vvault.mesh_homes h WHERE h.node = n.node AND h.says = 'home' ORDER BY h.region),
		ARRAY(SELECT h.region || ' to ' || h.to_node FROM vvault.mesh_homes h
			WHERE h.node = n.node AND h.says = 'given' ORDER BY h.region),
		CASE WHEN n.is_self THEN 'self' WHEN p.oid IS NULL THEN 'missing' WHEN NOT p.subenabled THEN 'disabled'
			WHEN a.is_up IS NOT TRUE THEN 'down' WHEN c.left_to_copy > 0 THEN 'copying' ELSE 'following' END,
		c.left_to_copy, a.last_msg_receipt_time, s.active,
		CASE WHEN s.slot_name IS NOT NULL THEN pg_wal_lsn_diff(
			CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
			s.confirmed_flush_lsn)::bigint END,
		ARRAY(SELECT y.region || ' ' || y.serial FROM vvault.mesh_says y WHERE y.node = n.node AND y.says = 'seen'
			ORDER BY y.region)
	FROM vvault.mesh_nodes n
		LEFT JOIN pg_subscription p ON p.subname = 'vvault_mesh_' || n.node
			AND p.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
		LEFT JOIN LATERAL (SELECT nullif(y.last_msg_receipt_time, '-infinity'),
				w.backend_start < clock_timestamp() - interval '1 second'
					AND (y.last_msg_receipt_time > '-infinity' OR w.wait_event = 'LogicalApplyMain')
			FROM pg_stat_subscription y LEFT JOIN pg_stat_activity w ON w.pid = y.pid
			WHERE y.subid = p.oid AND y.relid IS NULL AND y.pid IS NOT NULL) a (last_msg_receipt_time, is_up) ON true
		LEFT JOIN pg_replication_slots s ON s.slot_name
			= vvault.mesh_slot((SELECT o.node FROM vvault.mesh_nodes o WHERE o.is_self), n.node)
		CROSS JOIN LATERAL (SELECT count(*) FROM pg_subscription_rel r
			WHERE r.srsubid = p.oid AND r.srsubstate <> 'r') c (left_to_copy)
	ORDER BY n.is_self DESC, n.node;
$$;
COMMENT ON FUNCTION @extschema@.vvault_mesh_status() IS
'The nodes of the mesh as this one sees them, itself first; no row where there is no mesh.
Units and ranges: regions are those at home there, given those on their way, as "PL to two". state is self, following, copying (of so many tables the first copy is not done), down (the server cannot be reached, or an error in the log here keeps what comes from being written; for a second, also where it has just been reached), disabled or missing. heard_at is when the other node last sent anything. reads is whether it reads our slot now, owed_bytes how much of our log it has not confirmed, seen_of of which regions it has said that all has come, with the serial of their giving.
NULL: takes no argument; of itself a node knows the last four as NULL or empty.
Errors: none.
Source: vvault.mesh_nodes, vvault.mesh_says and the server''s views of subscriptions and slots.';
