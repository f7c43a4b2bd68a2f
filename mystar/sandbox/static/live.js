// Two users who chat and are notified, each over plain WebSockets, without any library.
"use strict";

const say = (russian, english) => (document.documentElement.lang === "ru" ? russian : english);
const service = () => document.getElementById("service").value.replace(/\/+$/, "");

// Reconnects by itself. After a break it asks for what follows the last id it has seen, so nothing is missed; what
// arrives twice is recognized by its id.
class ReconnectingSocket {
  constructor(path, token, after, onFrame) {
    Object.assign(this, { path, token, after, onFrame, delay: 500, ended: false });
    this.open();
  }

  open() {
    const address = `${service().replace(/^http/, "ws")}${this.path}?after=${this.after}`;
    // A browser's WebSocket can set no header but this one; an address would end up in logs.
    this.socket = new WebSocket(address, ["bearer", this.token]);
    this.socket.onopen = () => this.onFrame({ type: "connection", up: true });
    this.socket.onmessage = (message) => this.receive(JSON.parse(message.data));
    this.socket.onclose = (event) => this.reconnect(event);
  }

  receive(frame) {
    this.delay = 500;
    // "resumed": everything missed has been sent. "gap": it was too much or is gone, read it over HTTP.
    if (frame.id) this.after = Math.max(this.after, frame.id);
    this.onFrame(frame);
  }

  reconnect(event) {
    if (this.ended) return;
    this.onFrame({ type: "connection", up: false, code: event.code });
    if (event.code >= 4400 && event.code < 4408) return; // signed out: reconnecting would not help
    // A stopping service says when to reconnect; otherwise back off exponentially with jitter.
    const hint = event.code === 1001 && event.reason.startsWith("{") ? JSON.parse(event.reason).reconnect_in : null;
    const wait = hint === null ? this.delay * (0.5 + Math.random() / 2) : hint * 1000;
    this.delay = Math.min(this.delay * 2, 8000);
    setTimeout(() => this.ended || this.open(), wait);
  }

  send(frame) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  end() {
    this.ended = true;
    this.socket.close();
  }
}

class UserPanel {
  constructor(root) {
    this.root = root;
    this.notifications = new Map(); // notifications by id
    this.on(".enter", (form) => this.enter(form));
    this.$(".choose")?.addEventListener("change", (event) => this.choose(event.target.selectedOptions[0]));
    this.on(".find", (form) => this.find(form.get("username")));
    this.on(".say", (form) => this.write(form.get("message")));
  }

  $(selector) {
    return this.root.querySelector(selector);
  }

  on(selector, action) {
    this.$(selector).addEventListener("submit", async (event) => {
      event.preventDefault();
      await this.reportErrors(() => action(new FormData(event.target)));
    });
  }

  async reportErrors(action) {
    this.showError("");
    try {
      await action();
    } catch (error) {
      this.showError(error.message);
    }
  }

  showError(text) {
    this.$(".wrong").textContent = text;
    this.$(".wrong").hidden = !text;
  }

  async call(method, path, body) {
    const headers = { "Content-Type": "application/json" };
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    const answer = await fetch(service() + path, { method, headers, body: body && JSON.stringify(body) });
    const data = answer.status === 204 ? null : await answer.json();
    if (!answer.ok) throw new Error(data.detail || answer.statusText);
    return data;
  }

  choose(option) {
    this.$("[name=username]").value = option.value;
    this.$("[name=password]").value = option.dataset.password || "";
  }

  async enter(form) {
    this.token = form.get("token").trim() || (await this.logIn(form)).access;
    this.me = await this.call("GET", "/api/v1/users/me/");
    this.$(".name").textContent = this.me.username;
    this.$(".enter").hidden = true;
    this.$(".inside").hidden = false;
    const last = await this.loadNotifications();
    const onFrame = (frame) => this.reportErrors(() => this.onNotificationFrame(frame));
    this.notificationSocket = new ReconnectingSocket("/ws/notifications/", this.token, last, onFrame);
  }

  logIn(form) {
    return this.call("POST", "/api/auth/token/", { username: form.get("username"), password: form.get("password") });
  }

  // Notifications

  async loadNotifications() {
    const page = await this.call("GET", "/api/v1/notifications/?page_size=20");
    for (const one of page.results.reverse()) this.showNotification(one);
    return Math.max(0, ...this.notifications.keys());
  }

  async onNotificationFrame(frame) {
    if (frame.type === "connection") this.showConnection(this.$("h2 .line"), frame);
    else if (frame.type === "gap") await this.loadNotifications();
    else if (frame.id) this.showNotification(frame);
    await this.countUnread();
  }

  showNotification(one) {
    let item = this.notifications.get(one.id);
    if (!item) {
      item = document.createElement("li");
      const button = item.appendChild(document.createElement("button"));
      button.textContent = `${one.title}: ${one.message}`;
      button.addEventListener("click", () => this.reportErrors(() => this.openNotification(one, item)));
      this.notifications.set(one.id, item);
      this.$(".news").prepend(item);
    }
    item.classList.toggle("unread", !one.is_read);
  }

  async openNotification(one, item) {
    await this.call("POST", `/api/v1/notifications/${one.id}/mark-as-read/`);
    item.classList.remove("unread");
    await this.countUnread();
    if (one.data.conversation_id) await this.talk(one.data.conversation_id);
  }

  async countUnread() {
    const { unread_count: count } = await this.call("GET", "/api/v1/notifications/unread-count/");
    this.$(".unread-count").textContent = count;
  }

  // Chat

  async find(username) {
    const [found] = await this.call("GET", `/users/user/?username=${encodeURIComponent(username)}`);
    const conversation = await this.call("POST", "/api/v1/conversations/", { recipient_id: found.id });
    await this.talk(conversation.id);
  }

  async talk(id) {
    if (this.conversation === id) return;
    if (this.chatSocket) this.chatSocket.end();
    Object.assign(this, { conversation: id, shown: new Map(), waiting: new Map() });
    const { other_user: other } = await this.call("GET", `/api/v1/conversations/${id}/`);
    this.$(".with").textContent = `${say("Переписка с", "Talking with")} ${other.username}`;
    this.$(".talk").replaceChildren();
    this.$(".conversation").hidden = false;
    const last = await this.readMessages();
    const path = `/ws/conversations/${id}/`;
    this.chatSocket = new ReconnectingSocket(path, this.token, last, (frame) => this.reportErrors(() => this.onChatFrame(frame)));
  }

  async readMessages() {
    const page = await this.call("GET", `/api/v1/conversations/${this.conversation}/messages/?page_size=100`);
    for (const message of page.results.reverse()) this.showMessage(message);
    return Math.max(0, ...this.shown.keys());
  }

  async onChatFrame(frame) {
    if (frame.type === "error") {
      this.confirm(frame.client_id);
      throw new Error(frame.detail);
    }
    if (frame.type === "gap") await this.readMessages();
    if (frame.type === "connection") {
      this.showConnection(this.$(".conversation .line"), frame);
      // Unconfirmed messages are sent again: their client_id prevents duplicates.
      if (frame.up) for (const [name, { text }] of this.waiting) this.chatSocket.send({ message: text, client_id: name });
    }
    if (frame.message) this.showMessage(frame);
  }

  write(text) {
    const name = Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
    const item = this.appendMessage(text, true);
    item.classList.add("waiting");
    this.waiting.set(name, { text, item });
    this.chatSocket.send({ message: text, client_id: name });
    this.$(".say input").value = "";
  }

  confirm(name) {
    this.waiting.get(name)?.item.remove();
    this.waiting.delete(name);
  }

  showMessage(message) {
    this.confirm(message.client_id);
    if (this.shown.has(message.id)) return;
    this.shown.set(message.id, this.appendMessage(message.message, message.sender.id === this.me.id));
  }

  appendMessage(text, isMine) {
    const item = document.createElement("li");
    item.textContent = text;
    item.classList.toggle("mine", isMine);
    this.$(".talk").append(item);
    item.scrollIntoView({ block: "nearest" });
    return item;
  }

  showConnection(place, { up, code }) {
    place.textContent = up ? say("на связи", "connected") : `${say("нет связи", "no connection")} (${code})`;
  }
}

document.querySelectorAll(".person").forEach((root) => new UserPanel(root));
