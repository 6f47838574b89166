// node feed.mjs PL: two pages of a feed, and what an error says, by node-postgres
// (npm install). The connection is in PGHOST and its like. The driver parses the
// reply: a value of type json arrives as an object.
import pg from 'pg';

const region = process.argv[2] ?? 'PL';
const client = new pg.Client();

async function page(cursor) {
	const { rows } = await client.query('SELECT vvault_trending($1, 3, cursor => $2) AS page', [region, cursor]);
	return rows[0].page;
}

function print(feed, number) {
	console.log(`${feed.region_name}, page ${number}`);
	for (const video of feed.videos) {
		console.log(`  ${video.title}: ${video.views}`);
	}
}

await client.connect();
const first = await page(null);
print(first, 1);
if (first.next_cursor !== null) {
	print(await page(first.next_cursor), 2);
}
try {
	await client.query('SELECT vvault_trending($1)', [region.toLowerCase()]);
} catch (error) {
	console.log(`${error.code}: ${error.message}`);
}
await client.end();
