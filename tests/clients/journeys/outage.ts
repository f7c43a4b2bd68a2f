// What a service that is away is answered to, and what a session that has ended: nothing here needs a service.
import { Mystar, type Tokens } from "./index.js";

/** A socket that opens and closes when it is told to; frames and addresses are kept. */
class Socket {
  static readonly OPEN = 1;
  static made: Socket[] = [];
  readyState = 0;
  sent: { message: string; client_id: string }[] = [];
  onopen = () => {};
  onmessage = (_: { data: string }) => {};
  onclose = (_: { code: number; reason: string }) => {};

  constructor() {
    Socket.made.push(this);
  }

  send(frame: string): void {
    this.sent.push(JSON.parse(frame));
  }

  close(code = 1006): void {
    this.readyState = 3;
    this.onclose({ code, reason: "" });
  }

  open(): void {
    this.readyState = Socket.OPEN;
    this.onopen();
  }

  hear(frame: object): void {
    this.onmessage({ data: JSON.stringify(frame) });
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
const newest = async (count: number) => {
  for (let looks = 0; Socket.made.length < count; looks++) {
    if (looks > 1000) throw new Error(`no socket ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return Socket.made[count - 1]!;
};

let kept: Tokens | null = { access: "old", refresh: "r1" };
let answer = () => new Response("{}", { status: 503 });
let asked = 0;
let held: Promise<void> = Promise.resolve();
const mystar = new Mystar({
  baseUrl: "http://service.test",
  tokens: {
    load: () => kept,
    save: (saved) => {
      kept = saved;
    },
  },
  fetch: async () => {
    asked += 1;
    await held;
    return answer();
  },
  WebSocket: Socket as unknown as typeof WebSocket,
});

let signedOut = false;
const socket = mystar.conversation(7, {
  after: 0,
  onEvent: () => {},
  onSignedOut: () => {
    signedOut = true;
  },
});

// Refused before the upgrade, and the token cannot be renewed: a proxy whose service is being started says so.
(await newest(1)).close();
await turn();
const stayed = !signedOut && kept !== null && asked === 1;

// What is written while messages of before are not sent again yet comes after them.
socket.send("first");
const second = await newest(2);
second.open();
socket.send("second");
const early = second.sent.length;
second.hear({ type: "resumed" });
socket.send("third");
const order = second.sent.map((one) => one.message);

// A token that comes after the log-out does not sign in again.
let release = () => {};
held = new Promise((resolve) => {
  release = resolve;
});
answer = () => Response.json({ access: "new" });
second.close(4401);
await turn();
kept = null;
release();
await turn();
await turn();
const revived = kept !== null;
const told = signedOut;

// Only a 401 of the refresh ends a session.
kept = { access: "old", refresh: "r2" };
answer = () => Response.json({}, { status: 401 });
const refused = await mystar.api.GET("/api/v1/orders/");
console.log(
  JSON.stringify({ stayed, early, order, revived, told, ended: refused.response.status === 401 && kept === null }),
);
process.exit(0);

declare const process: { exit(code: number): never };
