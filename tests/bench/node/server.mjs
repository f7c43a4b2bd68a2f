// The works of bare_handlers.py and bare_sockets.py by Fastify, postgres.js and ws. Argument: a file of JSON with the
// port, the connection, the key of tokens and the service's own statements, which postgres.js prepares.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Fastify from 'fastify';
import postgres from 'postgres';
import { WebSocketServer } from 'ws';

const { port, connection, key, statements, entries } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const bigint = { to: 20, from: [20], parse: Number, serialize: String };
const sql = postgres({ ...connection, max: 10, types: { bigint }, onnotice: () => {} });

function run(name, values, on = sql) {
  const { text, order } = statements[name];
  const given = Array.isArray(values) ? values : order.map((parameter) => values[parameter] ?? null);
  return on.unsafe(text, given, { prepare: true });
}

function claimsOf(token) {
  const [head, body, signature] = token.split('.');
  const expected = createHmac('sha256', key).update(`${head}.${body}`).digest();
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new Error('forged');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
  if (claims.exp * 1000 < Date.now()) throw new Error('expired');
  return claims;
}

async function accountOf(request) {
  const claims = claimsOf(request.headers.authorization.slice('Bearer '.length));
  const found = await run('active_session', { ids: [claims.sid], now: new Date() });
  if (!found.length) throw Object.assign(new Error('ended'), { statusCode: 401 });
  return claims.id;
}

async function withServices(orders) {
  const found = await run('services', { ids: [...new Set(orders.map((one) => one.service_id))] });
  const known = new Map(found.map((one) => [one.id, one]));
  for (const one of orders) one.service = known.get(one.service_id);
  return orders;
}

const app = Fastify();

app.get('/api/v1/services/', async () => {
  const page = await run('page', statements.page.values);
  return { count: page[0].total, results: await run('services', { ids: page.map((one) => one.id) }) };
});

app.get('/api/v1/services/:id/', async (request) => {
  const [found] = await run('services', { ids: [Number(request.params.id)] });
  return found;
});

app.get('/api/v1/orders/', async (request) => {
  const id = await accountOf(request);
  const found = await withServices(await run('order_entries', { ...entries, buyer_id: id, seller_id: id }));
  return { count: found.length, results: found };
});

app.get('/api/v1/orders/:id/', async (request, reply) => {
  const id = await accountOf(request);
  const order_id = Number(request.params.id);
  const [found] = await run('order_entries', { ...entries, order_id });
  if (![found.buyer_id, found.creator_account_id].includes(id)) return reply.code(404).send({});
  await withServices([found]);
  found.deliveries = await run('deliveries', { order_id, limit: 100, offset: 0 });
  found.payments = await run('payments_of_order', { order_id, most: 100 });
  found.timeline = await run('timeline', { order_id, limit: 1000 });
  return found;
});

app.post('/api/v1/orders/', async (request, reply) => {
  const id = await accountOf(request);
  const [service] = await run('services', { ids: [request.body.service_id] });
  const chosen = (service.options ?? []).filter(([option]) => request.body.selected_option_ids.includes(option));
  const placed = await sql.begin((tx) => place(tx, id, service, chosen, request.body.requirements));
  return reply.code(201).send({ ...placed, service });
});

async function place(tx, id, service, chosen, wish) {
  const now = new Date();
  const days = (number) => new Date(now.getTime() + number * 86_400_000);
  const options = chosen.map(([option, name, description, price]) => ({ id: option, name, description, price }));
  const total_price = options.reduce((sum, one) => sum + one.price, service.base_price);
  const [placed] = await run('place_order', {
    kind: 'service', creator_id: service.creator_id, service_id: service.id, buyer_id: id, price: service.base_price,
    total_price, options: sql.json(options), for_whom: '', wish, occasion: 'video', now,
    by_date: days(service.delivery_days).toISOString().slice(0, 10), by_time: '23:59', deadline_at: days(3),
  }, tx);
  await run('add_event', {
    order_id: placed.id, actor_id: id, role: 'buyer', action: 'place', to_status: 'pending', to_money: 'none',
    details: sql.json({ price: total_price }), now,
  }, tx);
  await run('add_earning', {
    order_id: placed.id, creator_id: service.account_id, mode: 'balance', service_id: service.id, kind: 'service',
    vat_percent: 0, keeps_commission: false, price: total_price, now,
  }, tx);
  const data = sql.json({ order_id: placed.id, kind: 'service', status: 'pending', total_price: total_price / 100 });
  await run('add', {
    account_id: service.account_id, kind: 'new_order', data, subject: 'order', subject_id: placed.id, now,
    is_mailed: false,
  }, tx);
  return placed;
}

const rooms = new Map();
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });

app.server.on('upgrade', (request, socket, head) => {
  const url = new URL(request.url, 'http://localhost');
  const conversation = Number(url.pathname.split('/')[3]);
  const claims = claimsOf(url.searchParams.get('token'));
  sockets.handleUpgrade(request, socket, head, (opened) => {
    const room = rooms.get(conversation) ?? new Set();
    rooms.set(conversation, room.add(opened));
    opened.on('message', (data) => say(conversation, claims.id, room, JSON.parse(data).message));
    opened.on('close', () => room.delete(opened));
  });
});

async function say(conversation_id, sender_id, room, text) {
  const [stored] = await run('send', { conversation_id, sender_id, text, now: new Date(), only_notified: false });
  const sender = { id: stored.sender_id, username: stored.username, avatar: stored.avatar };
  const frame = JSON.stringify({ id: stored.id, sender, message: stored.text, timestamp: stored.sent_at });
  for (const one of room) one.send(frame);
}

await app.listen({ port, host: '127.0.0.1' });
console.log('serves');
