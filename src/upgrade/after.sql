-- To 0.3.0, when everything is there: what has to be done to rows. Documents
-- of search have other words.

-- What older versions took in came from charts where its observation is there,
-- or was pruned; and what is dated ahead of the clock came from nowhere else.
UPDATE vvault.videos v SET snapshot_at = v.fetched_at
WHERE EXISTS (SELECT FROM vvault.snapshots s
		WHERE s.region = v.region AND s.video_id = v.video_id AND s.fetched_at = v.fetched_at)
	OR EXISTS (SELECT FROM vvault.daily_stats t
		WHERE t.region = v.region AND t.day = vvault.utc_day(v.fetched_at) AND t.closed)
	OR v.fetched_at > now() + interval '5 minutes';
SELECT @extschema@.vvault_rebuild();
