/*
 * peers.mjs
 *		Jobs a second of pg-boss and graphile-worker: put in, taken, ended.
 *
 * usage: node peers.mjs pg-boss | graphile-worker BATCH SECONDS CLIENTS
 *        node peers.mjs pg-boss | graphile-worker through | wait JOBS CLIENTS
 *        node peers.mjs pg-boss retire
 *
 * CLIENTS loops in one process, each on a connection of its own out of the
 * pool; BATCH jobs in each call, where the queue has such calls. Connects as
 * PGHOST and so on say. Prints jobs a second. The second form only puts JOBS in,
 * and has them done by thousands and what they leave vacuumed (through), or not;
 * of graphile-worker autovacuum is all that is told, so it has that alone. The
 * third has pg-boss archive and delete what has ended.
 */
import pg from 'pg';
import PgBoss from 'pg-boss';
import { makeWorkerUtils, run, Logger } from 'graphile-worker';

const [, , peer, batchText, secondsText, clientsText] = process.argv;
const fills = batchText === 'through' || batchText === 'wait';
const batch = fills ? 1000 : Number(batchText);
const seconds = Number(secondsText);
const jobsToFill = Number(secondsText);
const clients = Number(clientsText);

async function inTurn(oneRound) {
	const begin = Date.now();
	let jobs = 0;

	await Promise.all(Array.from({ length: clients }, async () => {
		while (Date.now() - begin < seconds * 1000)
			jobs += await oneRound();
	}));
	return jobs / ((Date.now() - begin) / 1000);
}

/* Calls something for each thousand jobs that are to be filled in, and vacuums. */
async function fill(pool, oneThousand) {
	for (let n = 0; n < jobsToFill; n += batch) {
		await oneThousand();
		if (batchText === 'through' && peer === 'pg-boss')
			await pool.query('VACUUM');
	}
}

async function retire() {
	const boss = new PgBoss({ host: process.env.PGHOST, port: Number(process.env.PGPORT), database: process.env.PGDATABASE,
		user: process.env.PGUSER, supervise: false, schedule: false, archiveCompletedAfterSeconds: 1, deleteAfterSeconds: 1 });

	await boss.start();
	for (let i = 0; i < 2; i++) {
		await new Promise(resolve => setTimeout(resolve, 1500));
		await boss.maintain();
	}
	await boss.stop({ graceful: false });
}

async function pgBoss() {
	const boss = new PgBoss({ host: process.env.PGHOST, port: Number(process.env.PGPORT), database: process.env.PGDATABASE,
		user: process.env.PGUSER, max: clients, supervise: false, schedule: false });
	const name = 'bench';

	await boss.start();
	await boss.createQueue(name);
	const putIn = async () => batch === 1 ? boss.send(name, {}) : boss.insert(Array.from({ length: batch }, () => ({ name, data: {} })));
	const oneRound = async () => {
		await putIn();
		const jobs = await boss.fetch(name, { batchSize: batch });
		if (jobs.length > 0)
			await boss.complete(name, jobs.map(job => job.id));
		return jobs.length;
	};
	const rate = fills ? await fill(new pg.Pool({ max: 1 }), batchText === 'through' ? oneRound : putIn) : await inTurn(oneRound);
	await boss.stop({ graceful: false });
	return rate;
}

/* Its runner takes jobs one by one; what it has not done when the time is over is counted off. */
async function graphileWorker() {
	const pgPool = new pg.Pool({ max: clients * 2 + 4 });
	const logger = new Logger(() => () => {});
	const utils = await makeWorkerUtils({ pgPool, logger });
	let done = 0;

	await utils.migrate();
	const putIn = () => pgPool.query("SELECT graphile_worker.add_jobs(ARRAY(SELECT ('bench', '{}', NULL, NULL, NULL, NULL, NULL, NULL)::graphile_worker.job_spec FROM generate_series(1, $1)))", [batch]);
	if (batchText === 'wait')
		return fill(pgPool, putIn);
	const runner = await run({ pgPool, logger, concurrency: clients, noHandleSignals: true, pollInterval: 100,
		taskList: { bench: async () => { done++; } } });
	const begin = Date.now();
	if (fills)
		await fill(pgPool, async () => {
			const before = done;
			await putIn();
			while (done < before + batch)
				await new Promise(resolve => setTimeout(resolve, 5));
		});
	else
		await inTurn(async () => {
			await (batch === 1 ? utils.addJob('bench', {}) : putIn());
			return 0;
		});
	const rate = done / ((Date.now() - begin) / 1000);
	await runner.stop();
	await pgPool.end().catch(() => {});
	return rate;
}

const rate = await (batchText === 'retire' ? retire() : peer === 'pg-boss' ? pgBoss() : graphileWorker());

if (!fills && batchText !== 'retire')
	console.log(rate.toFixed(0));
process.exit(0);
