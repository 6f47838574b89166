// What mp4box.js says of the track of each file: its codec, as RFC 6381 has it.
//
// usage: node codecs.mjs NODE_MODULES FILE...
//
// Prints {FILE: CODEC}.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const [modules, ...files] = process.argv.slice(2);
const { createFile } = createRequire(modules + '/')('mp4box');
const codecs = {};

for (const name of files)
{
	const bytes = readFileSync(name);
	const file = createFile();
	const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);

	file.onReady = (info) => { codecs[name] = info.tracks.map((t) => t.codec).join(','); };
	file.onError = (error) => { codecs[name] = 'error: ' + error; };
	buffer.fileStart = 0;
	file.appendBuffer(buffer);
	file.flush();
}
console.log(JSON.stringify(codecs));
