// Two messages over a socket that is cut between them: both arrive once, and an expired token is renewed on the way.
import { Mystar } from "./index.js";

declare const process: { argv: string[] };
const [baseUrl, access, refresh, conversation] = process.argv.slice(2) as [string, string, string, string];
let tokens = { access, refresh };
const mystar = new Mystar({
  baseUrl,
  tokens: {
    load: () => tokens,
    save: (saved) => {
      tokens = saved!;
    },
  },
  WebSocket: class extends WebSocket {
    constructor(...given: ConstructorParameters<typeof WebSocket>) {
      super(...given);
      last = this;
    }
  },
});
let last: WebSocket | undefined;

const heard: string[] = [];
let arrived = () => {};
const until = (count: number) =>
  new Promise<void>((resolve) => {
    arrived = () => heard.length >= count && resolve();
    arrived();
  });

const socket = mystar.conversation(Number(conversation), {
  after: 0,
  onEvent: (event) => {
    if ("type" in event && event.type === "message") heard.push(event.message);
    arrived();
  },
});
socket.send("before the cut");
await until(1);
last!.close();
socket.send("after the cut");
await until(2);
const unconfirmed = socket.unconfirmed;
socket.close();
console.log(JSON.stringify({ heard, unconfirmed, renewed: tokens.access !== access }));
