// The playlists of random assets, read by hls-parser in strict mode and held
// against the rows that they are made of.
//
// usage: node playlists.mjs NODE_MODULES ASSETS FOLDER
//
// ASSETS is what assets.sql prints. Prints {"playlists": N, "complaints": [..],
// "missed": [..]}: what is wrong with those that were read, and which damage that
// was done on purpose nobody noticed. MPDs go into FOLDER, each a file.
import { createRequire } from 'node:module';
import { createReadStream, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [modules, assets, folder] = process.argv.slice(2);
const hls = createRequire(modules + '/')('hls-parser');
const complaints = [];
const missed = [];
let playlists = 0;

hls.setOptions({ strictMode: true });

function claim(holds, what)
{
	if (!holds)
		throw new Error(what);
}

const seconds = (rendition) => rendition.durations.reduce((sum, d) => sum + d, 0) / rendition.timescale;

// The name of a rendition in its group, and its one default.
function checkGroups(playlist)
{
	for (const variant of playlist.variants)
		for (const tracks of [variant.audio, variant.subtitles])
		{
			claim(new Set(tracks.map((t) => t.name)).size === tracks.length, 'two tracks of a name');
			claim(tracks.filter((t) => t.isDefault).length <= 1, 'two defaults');
		}
}

function checkMultivariant(text, asset)
{
	const playlist = hls.parse(text);
	const names = (...kinds) => asset.renditions.filter((r) => kinds.includes(r.kind)).map((r) => r.name + '.m3u8').sort();
	const codecs = new Set(asset.renditions.filter((r) => r.kind === 'audio').map((r) => r.codecs));
	const pictures = names('video');
	const variants = playlist.variants.filter((v) => !v.isIFrameOnly);
	const tracks = new Set(variants.flatMap((v) => [...v.audio, ...v.subtitles]).map((t) => t.uri));

	claim(playlist.isMasterPlaylist, 'it is no multivariant playlist');
	claim(playlist.independentSegments, 'segments are not independent');
	claim(variants.length === (pictures.length ? pictures.length * Math.max(1, codecs.size) : names('audio').length), 'so many variants');
	claim([...new Set(variants.map((v) => v.uri))].sort().join() === (pictures.length ? pictures : names('audio')).join(), 'other variants');
	claim([...tracks].sort().join() === names('audio', 'text').join(), 'other tracks');
	claim(playlist.variants.filter((v) => v.isIFrameOnly).map((v) => v.uri).join() === names('trick').join(), 'other I-frame playlists');
	for (const variant of playlist.variants)
		claim(variant.bandwidth > 0 && variant.averageBandwidth > 0, 'no bandwidth');
	checkGroups(playlist);
}

const methods = { none: 'none', aes128: 'AES-128', clear_key: 'SAMPLE-AES-CTR', standard: 'SAMPLE-AES-CTR', premium: 'SAMPLE-AES' };

function checkMedia(text, rendition)
{
	const playlist = hls.parse(text);
	const { segments } = playlist;
	let at = Number(rendition.first_offset);
	let lasts = 0;

	claim(!playlist.isMasterPlaylist && playlist.endlist && playlist.playlistType === 'VOD', 'it is no playlist on demand');
	claim(Boolean(playlist.isIFrame) === (rendition.kind === 'trick'), 'I-frames only');
	claim(segments.length === rendition.durations.length, 'so many segments');
	claim((segments[0].key ? segments[0].key.method : 'none') === methods[rendition.protection], 'another method of encryption');
	segments.forEach((segment, i) => {
		claim(segment.uri === rendition.file, 'another file');
		claim(Math.abs(segment.duration - rendition.durations[i] / rendition.timescale) <= 5.01e-7, 'another duration of segment ' + i);
		lasts += segment.duration;
		if (rendition.kind !== 'text')
		{
			claim(segment.byterange.length === rendition.sizes[i] && segment.byterange.offset === at, 'other bytes of segment ' + i);
			at += rendition.sizes[i];
		}
	});
	claim(Math.abs(lasts - seconds(rendition)) <= 1e-6 * segments.length, 'another duration');
	if (rendition.kind !== 'text')
		claim(segments[0].map.byterange.length === Number(rendition.init_size), 'another beginning');
}

// What is wrong with a playlist, or nothing.
function fault(check, text, of)
{
	try { check(text, of); } catch (e) { return e.message; }
	return null;
}

function look(label, check, text, of)
{
	const said = fault(check, text, of);

	playlists++;
	if (said !== null)
		complaints.push(label + ': ' + said);
}

// Damage that somebody has to notice. Where it changes nothing it is none.
const damages = {
	'no version for its tags': [checkMedia, (t) => t.replace(/#EXT-X-VERSION:\d+\n/, '')],
	'no target duration': [checkMedia, (t) => t.replace(/#EXT-X-TARGETDURATION.*\n/, '')],
	'a segment that is too long': [checkMedia, (t) => t.replace(/#EXTINF:[0-9.]+/, '#EXTINF:9999.5')],
	'a segment without a duration': [checkMedia, (t) => t.replace(/#EXTINF.*\n/, '')],
	'a segment less': [checkMedia, (t) => t.replace(/#EXTINF.*\n#EXT-X-BYTERANGE.*\n.*\n/, '')],
	'other bytes': [checkMedia, (t) => t.replace(/(#EXT-X-BYTERANGE:\d+@)/, '$11')],
	'no end': [checkMedia, (t) => t.replace(/#EXT-X-ENDLIST\n/, '')],
	'no beginning': [checkMedia, (t) => t.replace(/#EXT-X-MAP.*\n/, '')],
	'tags of both': [checkMedia, (t) => t + '#EXT-X-STREAM-INF:BANDWIDTH=1\nx.m3u8\n'],
	'a group that is not there': [checkMultivariant, (t) => t.replace(/,AUDIO="/, ',AUDIO="x')],
	'a variant without a bandwidth': [checkMultivariant, (t) => t.replace(/STREAM-INF:BANDWIDTH=\d+,/, 'STREAM-INF:')],
	'a variant without an address': [checkMultivariant, (t) => t.replace(/(#EXT-X-STREAM-INF.*\n).*\n/, '$1')],
	'an unknown range': [checkMultivariant, (t) => t.replace(/VIDEO-RANGE=\w+/, 'VIDEO-RANGE=HDR')],
	'two tracks of a name': [checkMultivariant, (t) => t.replace(/(#EXT-X-MEDIA:TYPE=AUDIO.*\n)/, '$1$1')],
	'not the first line': [checkMultivariant, (t) => t.replace('#EXTM3U\n', '')],
};

function damage(asset)
{
	for (const [what, [check, change]] of Object.entries(damages))
	{
		const of = check === checkMedia ? asset.renditions.find((r) => r.kind === 'video') : asset;
		const text = check === checkMedia ? of.playlist : asset.multivariant;
		const changed = change(text);

		if (changed === text || fault(check, changed, of) === null)
			missed.push(what);
	}
}

let damaged = false;
for await (const line of createInterface({ input: createReadStream(assets) }))
{
	const asset = JSON.parse(line);
	const kinds = asset.renditions.map((r) => r.kind);

	look(asset.video_id, checkMultivariant, asset.multivariant, asset);
	for (const rendition of asset.renditions)
		look(asset.video_id + ' ' + rendition.name, checkMedia, rendition.playlist, rendition);
	look(asset.video_id, () => claim((asset.mpd === null) === asset.renditions.some((r) => r.protection === 'aes128'), 'a manifest of DASH'));
	if (asset.mpd !== null)
		writeFileSync(folder + '/' + asset.video_id + '.mpd', asset.mpd);
	if (!damaged && kinds.includes('video') && kinds.includes('audio'))
	{
		damage(asset);
		damaged = true;
	}
}
if (!damaged)
	missed.push('all: there is no film');
console.log(JSON.stringify({ playlists, complaints, missed }));
