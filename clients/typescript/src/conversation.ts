import { ResumingSocket, type ConversationEvent } from "./sockets.js";

/** A conversation whose messages are sent again until they have come back: none is lost, and none stored twice. */
export class ConversationSocket extends ResumingSocket<ConversationEvent> {
  readonly #unconfirmed = new Map<string, object>();

  /** Sends a message, at once or when the connection is back; answers its `client_id`. */
  send(text: string, options: { answerTo?: number; clientId?: string } = {}): string {
    const clientId = options.clientId ?? newId();
    const frame = { message: text, client_id: clientId, answer_to: options.answerTo ?? null };
    this.#unconfirmed.set(clientId, frame);
    // Until then those before it are not sent again yet, and their order would change.
    if (this.isResumed) this.sendNow(frame);
    return clientId;
  }

  /** Marks everything up to the message with this number as read. */
  markRead(number: number): void {
    this.sendNow({ type: "read", number });
  }

  typing(): void {
    this.sendNow({ type: "typing" });
  }

  /** The number of messages that have not come back yet. */
  get unconfirmed(): number {
    return this.#unconfirmed.size;
  }

  protected override received(event: ConversationEvent): void {
    const { client_id: clientId, type } = event as { client_id?: string | null; type?: string };
    // Confirmed, or refused: the application reads why.
    if (clientId && (type === "message" || type === "error")) this.#unconfirmed.delete(clientId);
    super.received(event);
  }

  protected override resumed(): void {
    for (const frame of this.#unconfirmed.values()) this.sendNow(frame);
  }
}

/** `crypto.randomUUID` is missing on pages without TLS, such as those of a telephone that tries a developer's machine. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}
