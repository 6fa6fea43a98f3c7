// node-postgres with pg-cursor, and postgres.js.
const { Client, Pool } = require('pg');
const Cursor = require('pg-cursor');
const postgres = require('postgres');

const plain = (key, value) => typeof value === 'bigint' ? { bigint: String(value) } : value;
const step = (name, fields) => console.log(JSON.stringify({ step: name, ...fields }, plain));
const late = () => new Promise((_, fail) => setTimeout(() => fail(Object.assign(new Error('no answer'), { code: 'TooLong' })), 20000).unref());

async function attempt(name, work) {
  try {
    const result = await Promise.race([work(), late()]);
    step(name, { result: result === undefined ? null : result });
  } catch (error) {
    step(name, { error: error.code || error.name, position: error.position || null, _message: error.message });
  }
}

const COLUMNS = ['id', 'name', 'price', 'ratio', 'half', 'small', 'big', 'flag', 'day', 'at', 'zoned', 'raw', 'numbers', 'tags'];
const shown = r => ({ rows: r.rows, tag: r.command, count: r.rowCount, fields: r.fields.map(f => [f.name, f.dataTypeID, f.dataTypeSize, f.dataTypeModifier, f.format]) });

async function pg() {
  const c = new Client();
  c.on('error', () => {});
  await c.connect();
  const ask = async (...query) => shown(await c.query(...query));
  for (const column of COLUMNS) {
    await attempt(`pg type ${column}`, () => ask(`SELECT ${column} FROM fields ORDER BY id`));
    await attempt(`pg binary type ${column}`, () => ask({ text: `SELECT ${column} FROM fields ORDER BY id`, binary: true }));
  }
  await attempt('pg parameters', () => ask('SELECT $1::int AS a, $2::text AS b, $3 AS c', [1, 'x', null]));
  await attempt('pg kinds', () => ask('SELECT $1::numeric AS a, $2::bool AS b, $3::date AS c, $4::int[] AS d, $5::bytea AS e, $6::timestamptz AS f', [1.5, true, '2024-02-29', [1, 2], Buffer.from([0, 255]), new Date(Date.UTC(2024, 1, 29))]));
  await attempt('pg compared', () => ask('SELECT id FROM fields WHERE name = $1 AND id = $2 AND price > $3', ['plain', 1, 2.5]));
  await attempt('pg any', () => ask('SELECT id FROM fields WHERE id = ANY($1) ORDER BY id', [[1, 3]]));
  for (let n = 1; n < 7; n++) await attempt(`pg by name ${n}`, () => ask({ name: 'p', text: 'SELECT k, v FROM points WHERE k = $1', values: [n] }));
  await attempt('pg rows as arrays', () => ask({ text: 'SELECT 1::int AS a, 2::int AS a', rowMode: 'array' }));
  await attempt('pg several', async () => (await c.query('SELECT 1::int AS a; SELECT 2::int AS b')).map(shown));
  await attempt('pg insert', () => ask('INSERT INTO scratch VALUES ($1, $2)', [1, 'x']));
  await attempt('pg error', () => ask('SELECT nothing, $1::int FROM fields', [1]));
  await attempt('pg error in a value', () => ask('SELECT $1::int', ['x']));
  await attempt('pg after an error', () => ask('SELECT 1::int AS one'));
  await attempt('pg empty', () => ask(''));
  await attempt('pg transaction', async () => {
    await c.query('BEGIN');
    try { await c.query('SELECT nothing'); } catch (error) { /* the next statement tells */ }
    try { await c.query('SELECT 1'); return 'no error'; } catch (error) { return error.code; } finally { await c.query('ROLLBACK'); }
  });
  await attempt('pg cursor', async () => {
    const cursor = c.query(new Cursor('SELECT k FROM points WHERE k > $1 ORDER BY k', [10]));
    const first = await cursor.read(3), more = await cursor.read(900), rest = await cursor.read(900), end = await cursor.read(10);
    await cursor.close();
    return [first, more.length, rest.length, end.length];
  });
  await attempt('pg cursor left early', async () => {
    const cursor = c.query(new Cursor('SELECT k FROM points ORDER BY k'));
    const first = await cursor.read(2);
    await cursor.close();
    return [first, (await c.query('SELECT 1::int AS one')).rows];
  });
  await attempt('pg at once', async () => (await Promise.all([1, 2, 3].map(n => c.query('SELECT $1::int AS n', [n])))).map(r => r.rows));
  await c.end();
  const pool = new Pool({ max: 5 });
  pool.on('error', () => {});
  await attempt('pg pool', async () => (await Promise.all([...Array(30).keys()].map(n => pool.query('SELECT $1::int AS n', [n])))).map(r => r.rows[0].n));
  await pool.end();
}

async function postgresjs() {
  const sql = postgres({ onnotice: () => {}, max: 3, connect_timeout: 10 });
  const shownBy = r => ({ rows: [...r], tag: r.command, count: r.count, columns: (r.columns || []).map(c => [c.name, c.type]) });
  for (const column of COLUMNS) await attempt(`postgres.js type ${column}`, async () => shownBy(await sql`SELECT ${sql(column)} FROM fields ORDER BY id`));
  await attempt('postgres.js parameters', async () => shownBy(await sql`SELECT ${1}::int AS a, ${'x'} AS b, ${null}::text AS c`));
  await attempt('postgres.js compared', async () => shownBy(await sql`SELECT id FROM fields WHERE name = ${'plain'} AND id = ${1}`));
  await attempt('postgres.js date', async () => shownBy(await sql`SELECT id FROM fields WHERE day = ${new Date(Date.UTC(2024, 1, 29))}`));
  await attempt('postgres.js array', async () => shownBy(await sql`SELECT id FROM fields WHERE id = ANY(${[1, 3]}) ORDER BY id`));
  await attempt('postgres.js in', async () => shownBy(await sql`SELECT id FROM fields WHERE id IN ${sql([1, 3])} ORDER BY id`));
  await attempt('postgres.js insert', async () => shownBy(await sql`INSERT INTO scratch ${sql([{ a: 5, b: 'p' }, { a: 6, b: null }])}`));
  await attempt('postgres.js unsafe', async () => shownBy(await sql.unsafe('SELECT 1::int AS one')));
  await attempt('postgres.js describe', async () => { const d = await sql`SELECT id, name FROM fields WHERE id = ${1}`.describe(); return [d.types, d.columns.map(c => [c.name, c.type])]; });
  await attempt('postgres.js cursor', async () => { let n = 0; await sql`SELECT k FROM points`.cursor(100, rows => { n += rows.length; }); return n; });
  await attempt('postgres.js for each', async () => { let n = 0; await sql`SELECT k FROM points`.forEach(row => { n += Number(row.k); }); return n; });
  await attempt('postgres.js transaction', async () => sql.begin(async t => (await t`SELECT 1::int AS one`)[0].one));
  await attempt('postgres.js failed transaction', async () => sql.begin(async t => { await t`SELECT nothing`; }));
  await attempt('postgres.js savepoint', async () => sql.begin(async t => { await t.savepoint(s => s`SELECT nothing`).catch(() => {}); return (await t`SELECT 1::int AS one`)[0].one; }));
  await attempt('postgres.js copy', async () => { const parts = []; const stream = await sql`COPY (SELECT id, customer FROM orders ORDER BY id) TO STDOUT`.readable(); for await (const part of stream) parts.push(String(part)); return parts.join(''); });
  await attempt('postgres.js cancel', async () => { const q = sql`SELECT count(*) FROM points a, points b, points c, points d WHERE a.k + b.k + c.k + d.k = 17`; setTimeout(() => q.cancel(), 1000); return shownBy(await q); });
  await attempt('postgres.js error', async () => shownBy(await sql`SELECT nothing FROM fields WHERE id = ${1}`));
  await attempt('postgres.js at once', async () => (await Promise.all([...Array(30).keys()].map(n => sql`SELECT ${n}::int AS n`))).map(r => r[0].n));
  await sql.end({ timeout: 5 });
}

process.on('unhandledRejection', error => step(`unhandled ${error.code || error.name}`, { _message: error.message }));
pg().then(postgresjs).then(() => process.exit(0), error => { console.error(error); process.exit(1); });
