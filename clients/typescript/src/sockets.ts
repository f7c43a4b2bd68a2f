import type { components } from "./generated/frames.js";

type Frames = components["schemas"];

/** What a conversation tells. */
export type ConversationEvent =
  | Frames["MessageEvent"]
  | Frames["ReadEvent"]
  | Frames["TypingEvent"]
  | Frames["PresenceEvent"]
  | CommonEvent;

/** What the socket of notifications tells. A notification has a `type` of its own, such as `order_paid`. */
export type NotificationEvent = Frames["Notification"] | CommonEvent;

type CommonEvent = Frames["Resumed"] | Frames["Gap"] | Frames["SocketError"];

export interface SocketOptions<Event> {
  /** The id of the newest entry that the client has; what follows it is sent first. */
  after: number;
  /** `{ type: "gap" }` says that more was missed than is sent again: read it over HTTP. */
  onEvent(event: Event): void;
  /** Whether the socket is connected. */
  onConnection?(connected: boolean): void;
  /** The session has ended: sign in again. The socket is not opened any more. */
  onSignedOut?(): void;
}

/** What a socket needs of the client. */
export interface Connection {
  baseUrl: string;
  WebSocket: typeof globalThis.WebSocket;
  accessToken(): string | null;
  /** Gets a new access token, if it can. False: the session has ended. */
  renew(): Promise<boolean>;
}

const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;
const GOING_AWAY = 1001;
const SESSION_ENDED = 4401;
const TOO_MANY_FRAMES = 4429;
const MINUTE = 60_000;

/** A WebSocket that connects again by itself and misses nothing: it asks for what follows the last entry it has seen. */
export class ResumingSocket<Event extends object> {
  protected readonly options: SocketOptions<Event>;
  readonly #path: string;
  readonly #connection: Connection;
  #after: number;
  #socket: WebSocket | null = null;
  #delay = FIRST_DELAY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #opened = false;
  #resumed = false;
  #closed = false;

  constructor(path: string, connection: Connection, options: SocketOptions<Event>) {
    this.#path = path;
    this.#connection = connection;
    this.options = options;
    this.#after = options.after;
    this.#open();
  }

  /** Closes the socket for good. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  /** Sends a frame now; false when there is no connection. */
  protected sendNow(frame: object): boolean {
    if (this.#socket?.readyState !== this.#connection.WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Whether everything that was missed has come. */
  protected get isResumed(): boolean {
    return this.#resumed;
  }

  /** What is done then. */
  protected resumed(): void {}

  protected received(event: Event): void {
    this.options.onEvent(event);
  }

  #open(): void {
    const token = this.#connection.accessToken();
    if (token === null) return this.#signedOut();
    const url = new URL(this.#path, this.#connection.baseUrl.replace(/^http/, "ws"));
    url.searchParams.set("after", String(this.#after));
    this.#opened = this.#resumed = false;
    // A browser's WebSocket can set no header but this one; an address would end up in logs.
    const socket = new this.#connection.WebSocket(url, ["bearer", token]);
    this.#socket = socket;
    socket.onopen = () => {
      this.#opened = true;
      this.options.onConnection?.(true);
    };
    socket.onmessage = (message) => this.#receive(JSON.parse(String(message.data)) as Event);
    socket.onclose = (event) => void this.#reconnect(event);
  }

  #receive(event: Event): void {
    this.#delay = FIRST_DELAY;
    const { id, type } = event as { id?: number; type?: string };
    const isEntry = id !== undefined && (type !== "edited" && type !== "deleted");
    if (isEntry && id <= this.#after) return;
    if (isEntry) this.#after = id;
    this.received(event);
    if (type === "resumed" || type === "gap") {
      this.#resumed = true;
      this.resumed();
    }
  }

  async #reconnect(event: CloseEvent): Promise<void> {
    if (this.#closed) return;
    this.options.onConnection?.(false);
    // A refusal before the upgrade has no status in a browser: the token may have expired.
    const refused = !this.#opened || event.code === SESSION_ENDED;
    if (refused && !(await this.#connection.renew().catch(() => true))) return this.#signedOut();
    if (this.#closed) return;
    this.#timer = setTimeout(() => this.#open(), this.#waitAfter(event));
  }

  #waitAfter(event: CloseEvent): number {
    if (event.code === GOING_AWAY && event.reason.startsWith("{")) {
      return (JSON.parse(event.reason) as { reconnect_in: number }).reconnect_in * 1000;
    }
    if (event.code === TOO_MANY_FRAMES) return MINUTE;
    const wait = this.#delay * (0.5 + Math.random() / 2);
    this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY);
    return wait;
  }

  #signedOut(): void {
    this.#closed = true;
    this.options.onSignedOut?.();
  }
}
