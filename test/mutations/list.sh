# shellcheck shell=bash
#
# list.sh
#		Ways to break the reply cache, access and tokens: name, file, what sed -E
#		does to it, and the tests of which one at least must fail then.
#
# What a test cannot tell is not here: half of a tag, or a key compared by its
# 64-bit hash alone (both differ once in an eternity); the wake-up of the worker
# and of those who wait for a reply (without it, they look a second later).

# Which replies are taken
mutation tag-ignored src/reply/store.c '/^is_current\(/,/^}/s/entry->tag.words\[([01])\] == tag->words\[[01]\]/true/' 021_cache
mutation clock-ignored src/reply/store.c 's/\(step == 0 \|\| /(step >= 0 || /' 021_cache
mutation stamp-not-kept src/reply/store.c '/entry->stamp = \*stamp;/d' 021_cache 043_postgrest
mutation tag-not-kept src/reply/store.c '/entry->tag = \*tag;/d' 021_cache
mutation old-over-new src/reply/store.c '/^may_replace\(/,/^}/s/return newest;/return true;/' 023_cache_flight 025_cache_worker
mutation own-clock src/reply/reply.c '/^fetch\(/,/^}/s/GetCurrentTransactionStartTimestamp/GetCurrentTimestamp/' 021_cache
mutation moment-shared src/reply/reply.c '/^build\(/,/^}/s/reply->stamp.step != VV_STEP_MOMENT/true/' 021_cache
mutation not-modified-shared src/reply/reply.c '/^build\(/,/^}/s/ \&\& !reply->known//' 043_postgrest
mutation headers-of-own-reply src/reply/reply.c '/^tell_client\(/,/^}/s/\(reply->bypass == VV_BYPASS_NONE \|\| reply->bypass == VV_BYPASS_BUSY\)/true/' 043_postgrest
mutation etag-without-tag src/reply/reply.c '/^tell_client\(/,/^}/s/sizeof\(reply->tag\)/0/' 043_postgrest

# Which state a caller sees, and whether it is everybody's
mutation newest-versions src/reply/state.c '/^scan_versions\(/,/^}/s/GetActiveSnapshot\(\)/GetLatestSnapshot()/' 021_cache
mutation tags-of-any-transaction src/core/same_snapshot.c '/^vv_is_same_snapshot\(/,/^}/s/seen->xmax == snapshot->xmax \&\&//' 021_cache
mutation tags-whoever-was-under-way src/core/same_snapshot.c '/^vv_is_same_snapshot\(/,/^}/{s/seen->n(sub)?transactions == snapshot->(sub)?xcnt/true/; s/same_numbers\(seen->transactions.*,/same_numbers(seen->transactions, seen->transactions,/}' 021_cache
mutation tags-of-a-writer src/core/same_snapshot.c 's/!TransactionIdIsValid\(GetTopTransactionIdIfAny\(\)\)/true/' 021_cache
mutation tags-of-overflowed src/core/same_snapshot.c 's/!snapshot->suboverflowed/true/' 021_cache
mutation tags-of-serializable src/core/same_snapshot.c 's/!IsolationIsSerializable\(\)/true/' 021_cache
mutation tags-of-any-scope src/reply/seen_tags.c '/^find\(/,/^}/s/\(scope->len <= 0 \|\|/(true ||/; /^find\(/,/^}/s/tag->scope_len == scope->len/true/' 021_cache 028_sources
mutation tags-of-any-source src/reply/seen_tags.c '/^find\(/,/^}/s/tag->source == source \&\& //' 028_sources
mutation no-common-scope src/reply/state.c 's/source->common_scope != NULL/false/' 028_sources
mutation allow-not-asked src/reply/reply.c 's/replier->allow != NULL \&\& !replier->allow\(fcinfo\)/false/' 028_sources
mutation private-shared src/reply/reply.c '/^look_at_state\(/,/^}/s/reply->private \? VV_BYPASS_PRIVATE : //' 028_sources
mutation private-kept-by-clients src/reply/reply.c '/^tell_client\(/,/^}/s/reply->private \? VV_KEEP_PRIVATE : 0/0/' 028_sources
mutation versions-of-one-writer src/reply/state.c '/^scan_versions\(/,/^}/s/while \(HeapTupleIsValid/if (HeapTupleIsValid/' 021_cache
mutation writes-ignored src/reply/source.c 's/if \(TransactionIdIsValid\(GetTopTransactionIdIfAny\(\)\)\)/if (false)/' 021_cache
mutation fuzzy-search-ignored src/reply/source.c 's/if \(GinFuzzySearchLimit != 0 \|\| /if (/' 021_cache
mutation privileges-ignored src/reply/source.c 's/if \(pg_class_aclcheck\(.*\)/if (false)/' 021_cache
mutation second-child-unseen src/reply/source.c '/CacheRegisterRelcacheCallback/d' 028_sources
mutation no-child-is-foreign src/reply/source.c '/^is_distributed\(/,/^}/s/== RELKIND_FOREIGN_TABLE/== 0/' 028_sources
mutation grandchildren-unseen src/reply/source.c 's/find_all_inheritors\(table, NoLock, NULL\)/find_inheritance_children(table, NoLock)/' 028_sources
mutation spread-unseen src/reply/source.c 's/^(\tif \()is_spread\(table\)/\1false/' 028_sources
mutation empty-parameters src/core/query.c '/^make_params\(/,/^}/s/if \(query->nargs == 0\)/if (false)/' 028_sources
mutation schema-ignored src/reply/source.c 's/if \(!vv_may_use_schema\(.*\)/if (false)/' 021_cache
mutation policies-ignored src/reply/source.c 's/if \(forced \|\| check_enable_rls\(.*\)/if (forced)/' 021_cache 043_postgrest
mutation forced-ignored src/reply/source.c 's/if \(forced \|\| check_enable_rls/if (check_enable_rls/' 021_cache
mutation user-ignored src/reply/source.c 's/if \(known->user != user\)/if (known->user == InvalidOid)/' 021_cache
mutation grants-unnoticed src/reply/source.c '/CacheRegisterSyscacheCallback\(RELOID/d' 021_cache
mutation schema-grants-unnoticed src/reply/source.c '/CacheRegisterSyscacheCallback\(NAMESPACEOID/d' 021_cache
mutation role-unnoticed src/reply/source.c '/CacheRegisterSyscacheCallback\(AUTHOID/d' 021_cache
mutation membership-unnoticed src/reply/source.c '/CacheRegisterSyscacheCallback\(AUTHMEMROLEMEM/d' 021_cache
mutation calls-unnoticed src/reply/source.c '/CacheRegisterSyscacheCallback\(PROCOID/d' 021_cache
mutation owner-unnoticed src/reply/source.c '/CacheRegisterSyscacheCallback\(DATABASEOID/d' 021_cache
mutation calls-ignored src/reply/source.c 's/!vv_may_execute\(.*\)\)$/false)/' 021_cache
for table in videos snapshots categories charts category_stats daily_stats regions region_defaults settings setting_defaults; do
	mutation "rights-on-$table-ignored" src/videos/source.c "/^static const char \*const tables/,/^}/s/\"$table\"/\"feed_versions\"/" 021_cache
done
mutation sets-past-policies src/reply/source.c 's/if \(vv_sharing_problem\(source\) != VV_BYPASS_NONE \|\| /if (/' 021_cache

# What a backend remembers
mutation facts-of-any-state src/feed/facts.c 's/memcmp\(&known->tag, &reply->tag, sizeof\(VvTag\)\) != 0/false/' 021_cache

# Keys
mutation one-database src/reply/key.c 's/put\(key, &MyDatabaseId, sizeof\(Oid\)\)/put(key, "dbid", sizeof(Oid))/; s/return memcmp\(key->bytes, &MyDatabaseId, sizeof\(Oid\)\) == 0/return true/' 021_cache
mutation integers-alike src/reply/key.c 's/integer = DatumGetInt32\(arg.value\)/integer = 1/' 021_cache

# New versions
for trigger in settings regions region_defaults setting_defaults categories; do
	mutation "$trigger-bump-nothing" src/videos/derived.sql "/^CREATE TRIGGER ${trigger}_changed/s/INSERT OR UPDATE OR DELETE OR TRUNCATE ON vvault.$trigger/TRUNCATE ON vvault.blocked_videos/" 021_cache
done
mutation viral-threshold-bumps-nothing src/videos/derived.sql '/^CREATE TRIGGER settings_changed/s/UPDATE OR //' 021_cache
for function in videos_listed videos_updated snapshots_changed; do
	mutation "$function-bumps-nothing" src/videos/derived.sql "/^CREATE FUNCTION vvault.$function\(/,/^END/s/PERFORM vvault.bump\(written, written\);//" 021_cache 022_cache_schedule
done
mutation other-regions-not-bumped src/videos/derived.sql 's/WHERE c <> w$/WHERE false/' 021_cache
mutation same-version src/videos/derived.sql '/^CREATE FUNCTION vvault.bump\(/,/^END/s/SET version = EXCLUDED.version/SET version = f.version/' 021_cache
mutation bump-all-same-version src/videos/derived.sql '/^CREATE FUNCTION vvault.bump_all\(/,/^END/s/SET version = EXCLUDED.version/SET version = f.version/' 021_cache

# One makes it, others wait
mutation all-make-it src/reply/store.c '/^claim_entry\(/,/^}/s/if \(entry->builder == 0\)/if (true)/' 023_cache_flight
mutation another-state-waited-for src/reply/store.c 's/return same \? entry : NULL;/return entry;/' 023_cache_flight
mutation moment-waited-for src/reply/reply.c '/^vv_reply_is_known\(/,/^}/s/if \(reply->claimed.*/if (false)/' 023_cache_flight
mutation large-waited-for src/reply/store.c 's/entry->refused = !fits/entry->refused = false/' 023_cache_flight
mutation refused-for-ever src/reply/store.c 's/if \(entry->refused \&\& same\)/if (entry->refused)/' 023_cache_flight
mutation claim-kept src/reply/store.c '/^end_claim\(/,/^}/s/entry->builder = 0;//' 023_cache_flight
mutation error-gives-up-nothing src/reply/reply.c '/^give_up\(/,/^}/s/vv_store_give_up\(.*\);//' 023_cache_flight
mutation errors-kept src/reply/store.c '/^vv_store_give_up\(/,/^}/s/vv_remove_entry\(.*\);/;/' 023_cache_flight
mutation cleared-in-the-making src/reply/store.c '/^vv_store_remove\(/,/^}/s/if \(entry->builder == 0\)/if (true)/' 023_cache_flight
mutation evicted-in-the-making src/reply/store_memory.c '/^evict\(/,/^}/s/if \(entry->builder != 0\)/if (false)/' 024_cache_memory

# Memory
mutation large-kept src/reply/store.c 's/nblocks <= vv_store->nblocks \/ LARGEST_SHARE/nblocks <= vv_store->nblocks/' 024_cache_memory
mutation fifo src/reply/store_memory.c 's/if \(pg_atomic_exchange_u32\(&entry->visited, 0\) == 0\)/if (true)/' 024_cache_memory
mutation never-visited src/reply/store.c '/pg_atomic_write_u32\(&entry->visited, 1\)/s/1\)/0)/' 024_cache_memory
mutation marks-stay src/reply/store_memory.c 's/pg_atomic_exchange_u32\(&entry->visited, 0\) == 0/pg_atomic_read_u32(\&entry->visited) == 0/' 024_cache_memory
mutation blocks-lost src/reply/store_memory.c '/^vv_remove_entry\(/,/^}/s/free_blocks\(shard, entry, 0\)/free_blocks(shard, entry, 1)/' 024_cache_memory
mutation shrunk-replies-keep-blocks src/reply/store.c 's/free_blocks\(shard, entry, fits \? Max\(nblocks, 1\) : 1\)/free_blocks(shard, entry, vv_store->nblocks)/' 024_cache_memory
mutation entries-lost src/reply/store_memory.c '/^vv_remove_entry\(/,/^}/s/shard->free_entry = i;//' 024_cache_memory
mutation hand-on-what-went src/reply/store_memory.c '/^vv_remove_entry\(/,/^}/s/if \(shard->hand == i\)/if (false)/' 024_cache_memory

# What the owner and the worker see
mutation all-fresh src/reply/cache.c '/^vv_reply_is_fresh\(/,/^}/s/memcmp\(&tag, &entry->tag, sizeof\(tag\)\) == 0/true/' 025_cache_worker
mutation none-fresh src/reply/cache.c '/^vv_reply_is_fresh\(/,/^}/s/return entry->filled \&\&/return false \&\&/' 025_cache_worker
mutation errors-called-again src/reply/cache.c 's/\(void\) vv_store_remove\(is_key, key\);//' 025_cache_worker
mutation worker-leaves-nothing src/core/worker_slots.c '/before_shmem_exit\(leave/d' 025_cache_worker
mutation cleared-everywhere src/ops/cache.c '/^shows_region\(/,/^}/s/if \(!vv_reply_key_is_ours\(key\)\)/if (false)/' 021_cache
mutation stats-of-all-databases src/reply/cache.c '/^is_ours\(/,/^}/s/return .*;/return key != NULL;/' 021_cache

# Where rows were
mutation any-row src/videos/video_regions.c '/^find_by_place\(/,/^}/s/is_row_of\(lookup->slot, video_id\)/true/' 004_video_regions
mutation places-that-went src/videos/video_regions.c '/^find_by_place\(/,/^}/s/ItemPointerGetBlockNumber\(.tid\) < lookup->nblocks/true/' 004_video_regions

# Who may see
mutation videos-shown-unasked src/reply/reply.c 's/replier->allow != NULL \&\& !replier->allow\(fcinfo\)/false/' 029_access
mutation anybody-views src/media/may.c '/^decide\(/,/^}/s/VV_MAY : VV_MAY_NOT/VV_MAY : VV_EVERYBODY_MAY/' 029_access
mutation owner-for-all src/manifests/shown.c '/case VV_MAY:/,/return false/s/return false/return true/' 029_access
mutation open-in-any-state src/manifests/shown.c '/^is_known_open\(/,/^}/s/memcmp\(.*, tag,/memcmp(tag, tag,/' 029_access
mutation token-of-any-video src/media/may.c 's/strcmp\(caller->only_video, video_id\) != 0/false/' 029_access
mutation private-by-token src/media/may.c 's/return strcmp\(access, "private"\) != 0 \&\&/return/' 029_access
mutation claims-of-any-login src/protect/caller.c 's/!caller->is_operator \&\& is_authenticators\(\)/!caller->is_operator/' 029_access

# Tokens, and what a backend remembers of them
mutation known-token-lives src/protect/tokens.c 's/problem = rules_problem\(\*read\)/problem = *read == \&learned ? rules_problem(*read) : NULL/' 080_tokens
mutation known-token-unrevoked src/protect/tokens.c 's/\(\*read\)->jti != NULL \&\&/*read == \&learned \&\& (*read)->jti != NULL \&\&/' 080_tokens
mutation known-token-of-ended-key src/protect/tokens.c '/^rules_problem\(/,/^}/s/token->checked_until <= now/false/' 080_tokens
mutation known-token-of-deleted-key src/protect/seen_tokens.c 's/place->keys_version == version \&\&/true \&\&/' 080_tokens
mutation known-token-by-hash src/protect/seen_tokens.c 's/vv_equal_in_time\(place->bytes, token, len\)/true/' 080_tokens
mutation known-token-by-beginning src/protect/seen_tokens.c 's/vv_equal_in_time\(place->bytes, token, len\)/vv_equal_in_time(place->bytes, token, len - 43)/' 080_tokens
mutation known-token-by-end src/protect/seen_tokens.c 's/vv_equal_in_time\(place->bytes, token, len\)/vv_equal_in_time(place->bytes + 64, token + 64, len - 64)/' 080_tokens
mutation known-token-not-kept src/protect/seen_tokens.c 's/\*texts\[i\] = strcpy\(end, \*texts\[i\]\);/(void) strcpy(end, *texts[i]);/' 080_tokens
mutation known-claims-not-kept src/protect/seen_tokens.c 's/^\tread->claims = copy \+ len;//' 080_tokens
mutation wrong-token-known src/protect/tokens.c '/^learn_token\(/,/^}/s/if \(problem == NULL \&\& /if (/' 080_tokens
mutation token-for-any-video src/media/token.c 's/token->video_id != NULL \&\&/false \&\&/' 080_tokens
mutation token-for-any-permission src/media/token.c 's/if \(permission > token->most\)/if (false)/' 080_tokens
mutation token-of-any-algorithm src/protect/tokens.c 's/if \(strcmp\(token->algorithm, key->is_public .*/if (false)/' 080_tokens
mutation unrevoked-for-ever src/protect/tokens.c '/^is_unrevoked\(/,/^}/s/!vv_is_same_snapshot\(.*\)\)/false)/' 080_tokens
mutation unrevoked-to-its-revoker src/protect/tokens.c '/^is_unrevoked\(/,/^}/s/!vv_is_comparable_snapshot\(snapshot\)/false/' 080_tokens
mutation unrevoked-by-beginning src/protect/tokens.c 's/ \|\| strlen\(jti\) >= MAX_JTI//' 080_tokens
mutation keys-unnoticed src/protect/token_keys.c 's/\{"signing_keys", "secrets",/{"settings", "secrets",/' 080_tokens
mutation rules-unnoticed src/protect/token_keys.c 's/"secrets", "settings"\}/"secrets", "secrets"}/' 080_tokens
mutation end-of-comparison src/core/digest.c 's/differ \|= eight_of_a \^ eight_of_b/differ = eight_of_a ^ eight_of_b/' 080_tokens
mutation index-unnoticed src/core/index_scan.c '/^relation_changed\(/,/^}/s/known->what = NULL;/;/' 080_tokens
mutation refreshed-twice src/protect/tokens.sql 's/ELSIF r.used_at IS NOT NULL THEN/ELSIF false THEN/' 080_tokens
mutation family-goes-on src/protect/tokens.sql 's/PERFORM vvault_stream.end_family\(r.family\);//' 080_tokens
mutation erased-goes-on src/people/people.sql 's/PERFORM vvault_stream.end_family\(f\);/NULL;/' 080_tokens
