export { Mystar, type Options, type Tokens, type TokenStore } from "./client.js";
export { ResumingSocket, type ConversationEvent, type NotificationEvent, type SocketOptions } from "./sockets.js";
export { ConversationSocket } from "./conversation.js";
export type { components, operations, paths } from "./generated/api.js";
