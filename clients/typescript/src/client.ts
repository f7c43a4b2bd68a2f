import createClient, { type Client, type Middleware } from "openapi-fetch";
import { ConversationSocket } from "./conversation.js";
import type { components, paths } from "./generated/api.js";
import { ResumingSocket, type ConversationEvent, type NotificationEvent, type SocketOptions } from "./sockets.js";

/** What a log-in answers. */
export interface Tokens {
  access: string;
  refresh: string;
}

/** Where tokens are kept between visits; in memory by default. */
export interface TokenStore {
  load(): Tokens | null;
  save(tokens: Tokens | null): void;
}

export interface Options {
  /** Where the service is: `https://api.example.com`. */
  baseUrl: string;
  /** The language of texts and errors; without it the browser's. */
  language?: "ru" | "en";
  tokens?: TokenStore;
  fetch?: typeof globalThis.fetch;
  WebSocket?: typeof globalThis.WebSocket;
}

/** A client of the market dialect and of every other that the document describes. */
export class Mystar {
  /** `api.GET(path, …)`, `api.POST(path, …)`: every address, body and answer is typed. They answer `{ data, error }`. */
  readonly api: Client<paths>;
  readonly #options: Options;
  readonly #tokens: TokenStore;
  readonly #fetch: typeof globalThis.fetch;
  #refreshing: Promise<boolean> | null = null;

  constructor(options: Options) {
    this.#options = options;
    this.#tokens = options.tokens ?? inMemory();
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.api = createClient<paths>({ baseUrl: options.baseUrl, fetch: (request) => this.#fetch(request) });
    this.api.use(this.#authentication());
  }

  get signedIn(): boolean {
    return this.#tokens.load() !== null;
  }

  /** Throws the service's error, `{ code, detail, … }`, when the login is refused. */
  async logIn(username: string, password: string): Promise<void> {
    const { data, error } = await this.api.POST("/api/auth/token/", { body: { username, password } });
    if (error) throw error;
    this.#tokens.save(data as Tokens);
  }

  /** Ends the session at the service; the tokens are forgotten even when it does not answer. */
  async logOut(): Promise<void> {
    try {
      if (this.signedIn) await this.api.POST("/api/auth/logout/");
    } finally {
      this.#tokens.save(null);
    }
  }

  /** Uploads a file; throws the service's error when it is refused. */
  async uploadFile(file: Blob, name: string): Promise<components["schemas"]["FileView"]> {
    const form = new FormData();
    form.append("file", file, name);
    const { data, error } = await this.api.POST("/api/v1/files/upload/", {
      body: { file: "" },
      bodySerializer: () => form,
    });
    if (error) throw error;
    return data;
  }

  /** A conversation, live. `after`: the id of the newest message that is known, 0 for all. */
  conversation(id: number, options: SocketOptions<ConversationEvent>): ConversationSocket {
    return new ConversationSocket(`/ws/conversations/${id}/?events=1`, this.#connection(), options);
  }

  /** The notifications of the account, live. `after`: the id of the newest one that is known. */
  notifications(options: SocketOptions<NotificationEvent>): ResumingSocket<NotificationEvent> {
    return new ResumingSocket<NotificationEvent>("/ws/notifications/", this.#connection(), options);
  }

  #connection() {
    return {
      baseUrl: this.#options.baseUrl,
      WebSocket: this.#options.WebSocket ?? globalThis.WebSocket,
      accessToken: () => this.#tokens.load()?.access ?? null,
      // A service that is away refuses to renew a token, too; only its 401 ends the session.
      renew: async () => {
        await this.#refresh();
        return this.signedIn;
      },
    };
  }

  /** Adds the access token, and repeats once, with a new one, what was refused because the old one has expired. */
  #authentication(): Middleware {
    const sent = new Map<string, Request>();
    return {
      onRequest: ({ request, id }) => {
        const tokens = this.#tokens.load();
        if (this.#options.language) request.headers.set("Accept-Language", this.#options.language);
        if (!tokens || isAboutTokens(request.url)) return request;
        request.headers.set("Authorization", `Bearer ${tokens.access}`);
        sent.set(id, request.clone());
        return request;
      },
      onResponse: async ({ response, id }) => {
        const request = sent.get(id);
        sent.delete(id);
        if (response.status !== 401 || !request || !(await this.#refresh())) return response;
        request.headers.set("Authorization", `Bearer ${this.#tokens.load()?.access}`);
        return this.#fetch(request);
      },
      onError: ({ id }) => {
        sent.delete(id);
      },
    };
  }

  /** Gets a new access token; requests that need one at the same moment share it. False: there is none. */
  #refresh(): Promise<boolean> {
    this.#refreshing ??= this.#askForToken().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #askForToken(): Promise<boolean> {
    const tokens = this.#tokens.load();
    if (!tokens) return false;
    const { data, response } = await this.api.POST("/api/auth/token/refresh/", { body: { refresh: tokens.refresh } });
    // Signed out meanwhile, or in as somebody else: the answer is about tokens that are gone.
    if (this.#tokens.load()?.refresh !== tokens.refresh) return this.signedIn;
    if (data) this.#tokens.save({ access: data.access, refresh: data.refresh ?? tokens.refresh });
    else if (response.status === 401) this.#tokens.save(null);
    return data !== undefined;
  }
}

function isAboutTokens(url: string): boolean {
  return new URL(url).pathname.startsWith("/api/auth/token/");
}

function inMemory(): TokenStore {
  let kept: Tokens | null = null;
  return {
    load: () => kept,
    save: (tokens) => {
      kept = tokens;
    },
  };
}
