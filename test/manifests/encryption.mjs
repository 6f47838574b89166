// What mp4box.js says of the encryption of each file.
//
// usage: node encryption.mjs NODE_MODULES FILE...
//
// Prints {FILE: {entry, format, scheme, tenc, pssh, fragments: [{moof, senc, flags, saiz, saio, sizes, mdat}],
// references, end, errors}}.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const [modules, ...files] = process.argv.slice(2);
const { createFile } = createRequire(modules + '/')('mp4box');
const found = {};

function find(boxes, ...path)
{
	const [type, ...rest] = path;
	const box = boxes.find((b) => b.type === type);

	return rest.length && box ? find(box.boxes ?? box.entries, ...rest) : box;
}

const hex = (bytes) => bytes === undefined ? null : Buffer.from(bytes).toString('hex');

for (const name of files)
{
	const bytes = readFileSync(name);
	const file = createFile();
	const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
	const errors = [];

	file.onError = (error) => errors.push(String(error));
	buffer.fileStart = 0;
	file.appendBuffer(buffer);
	file.flush();

	const moov = find(file.boxes, 'moov');
	const entry = find(moov.boxes, 'trak', 'mdia', 'minf', 'stbl', 'stsd').entries[0];
	const tenc = find(entry.boxes, 'sinf', 'schi', 'tenc');
	const fragments = [];

	for (const [i, moof] of file.boxes.entries())
	{
		if (moof.type !== 'moof')
			continue;
		const traf = find(moof.boxes, 'traf').boxes;
		const saiz = find(traf, 'saiz');
		const mdat = file.boxes[i + 1];

		fragments.push({
			moof: moof.start,
			senc: find(traf, 'senc')?.start ?? null,
			flags: find(traf, 'senc')?.flags ?? null,
			saiz: saiz ? { size: saiz.default_sample_info_size, count: saiz.sample_count, sizes: [...saiz.sample_info_size] } : null,
			saio: find(traf, 'saio')?.offset ?? null,
			data_offset: find(traf, 'trun').data_offset,
			sizes: [...find(traf, 'trun').sample_size],
			mdat: mdat.type === 'mdat' ? mdat.start + mdat.hdr_size : null,
		});
	}
	found[name] = {
		entry: entry.type,
		format: find(entry.boxes, 'sinf', 'frma').data_format,
		scheme: find(entry.boxes, 'sinf', 'schm').scheme_type,
		tenc: {
			version: tenc.version, protected: tenc.default_isProtected, kid: tenc.default_KID, iv_size: tenc.default_Per_Sample_IV_Size,
			crypt: tenc.default_crypt_byte_block ?? 0, skip: tenc.default_skip_byte_block ?? 0, iv: hex(tenc.default_constant_IV),
		},
		pssh: moov.boxes.filter((b) => b.type === 'pssh').map((b) => b.system_id),
		fragments,
		references: find(file.boxes, 'sidx').references.map((r) => r.referenced_size),
		first: find(file.boxes, 'sidx').start + find(file.boxes, 'sidx').size + find(file.boxes, 'sidx').first_offset,
		end: bytes.length,
		errors,
	};
}
console.log(JSON.stringify(found));
