// Two people who chat and are notified, each over plain WebSockets. Nothing here is needed but a browser.
"use strict";

const say = (russian, english) => (document.documentElement.lang === "ru" ? russian : english);
const service = () => document.getElementById("service").value.replace(/\/+$/, "");

// A socket that comes back. After a break it asks for what follows the last id it has seen, so nothing is missed;
// whoever gets something twice knows it by its id.
class Line {
  constructor(path, token, after, hear) {
    Object.assign(this, { path, token, after, hear, pause: 500, ended: false });
    this.open();
  }

  open() {
    const address = `${service().replace(/^http/, "ws")}${this.path}?after=${this.after}`;
    // A browser's WebSocket can set no header but this one; an address would end up in logs.
    this.socket = new WebSocket(address, ["bearer", this.token]);
    this.socket.onopen = () => this.hear({ type: "line", up: true });
    this.socket.onmessage = (message) => this.take(JSON.parse(message.data));
    this.socket.onclose = (event) => this.lost(event);
  }

  take(frame) {
    this.pause = 500;
    // "resumed": all that was missed has been told. "gap": it was too much or is gone, read it over HTTP.
    if (frame.id) this.after = Math.max(this.after, frame.id);
    this.hear(frame);
  }

  lost(event) {
    if (this.ended) return;
    this.hear({ type: "line", up: false, code: event.code });
    if (event.code >= 4400 && event.code < 4408) return; // signed out: coming back would not help
    // A service that goes away says when to come back; else later and later, and not all at the same moment.
    const hint = event.code === 1001 && event.reason.startsWith("{") ? JSON.parse(event.reason).reconnect_in : null;
    const wait = hint === null ? this.pause * (0.5 + Math.random() / 2) : hint * 1000;
    this.pause = Math.min(this.pause * 2, 8000);
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

class Person {
  constructor(root) {
    this.root = root;
    this.news = new Map(); // notifications by id
    this.on(".enter", (form) => this.enter(form));
    this.on(".find", (form) => this.find(form.get("username")));
    this.on(".say", (form) => this.write(form.get("message")));
  }

  $(selector) {
    return this.root.querySelector(selector);
  }

  on(selector, deed) {
    this.$(selector).addEventListener("submit", async (event) => {
      event.preventDefault();
      await this.trying(() => deed(new FormData(event.target)));
    });
  }

  async trying(deed) {
    this.complain("");
    try {
      await deed();
    } catch (error) {
      this.complain(error.message);
    }
  }

  complain(words) {
    this.$(".wrong").textContent = words;
    this.$(".wrong").hidden = !words;
  }

  async call(method, path, body) {
    const headers = { "Content-Type": "application/json" };
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    const answer = await fetch(service() + path, { method, headers, body: body && JSON.stringify(body) });
    const data = answer.status === 204 ? null : await answer.json();
    if (!answer.ok) throw new Error(data.detail || answer.statusText);
    return data;
  }

  async enter(form) {
    this.token = form.get("token").trim() || (await this.logIn(form)).access;
    this.me = await this.call("GET", "/api/v1/users/me/");
    this.$(".name").textContent = this.me.username;
    this.$(".enter").hidden = true;
    this.$(".inside").hidden = false;
    const last = await this.readNews();
    this.bell = new Line("/ws/notifications/", this.token, last, (frame) => this.trying(() => this.told(frame)));
  }

  logIn(form) {
    return this.call("POST", "/api/auth/token/", { username: form.get("username"), password: form.get("password") });
  }

  // Notifications

  async readNews() {
    const page = await this.call("GET", "/api/v1/notifications/?page_size=20");
    for (const one of page.results.reverse()) this.showNews(one);
    return Math.max(0, ...this.news.keys());
  }

  async told(frame) {
    if (frame.type === "line") this.showLine(this.$("h2 .line"), frame);
    else if (frame.type === "gap") await this.readNews();
    else if (frame.id) this.showNews(frame);
    await this.countUnread();
  }

  showNews(one) {
    let item = this.news.get(one.id);
    if (!item) {
      item = document.createElement("li");
      const button = item.appendChild(document.createElement("button"));
      button.textContent = `${one.title}: ${one.message}`;
      button.addEventListener("click", () => this.trying(() => this.look(one, item)));
      this.news.set(one.id, item);
      this.$(".news").prepend(item);
    }
    item.classList.toggle("unread", !one.is_read);
  }

  async look(one, item) {
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
    if (this.chat) this.chat.end();
    Object.assign(this, { conversation: id, said: new Map(), waiting: new Map() });
    const { other_user: other } = await this.call("GET", `/api/v1/conversations/${id}/`);
    this.$(".with").textContent = `${say("Переписка с", "Talking with")} ${other.username}`;
    this.$(".talk").replaceChildren();
    this.$(".conversation").hidden = false;
    const last = await this.readMessages();
    const path = `/ws/conversations/${id}/`;
    this.chat = new Line(path, this.token, last, (frame) => this.trying(() => this.heard(frame)));
  }

  async readMessages() {
    const page = await this.call("GET", `/api/v1/conversations/${this.conversation}/messages/?page_size=100`);
    for (const message of page.results.reverse()) this.showMessage(message);
    return Math.max(0, ...this.said.keys());
  }

  async heard(frame) {
    if (frame.type === "error") {
      this.arrived(frame.client_id);
      throw new Error(frame.detail);
    }
    if (frame.type === "gap") await this.readMessages();
    if (frame.type === "line") {
      this.showLine(this.$(".conversation .line"), frame);
      // What was on its way when the line broke is said again: its client_id keeps it from being there twice.
      if (frame.up) for (const [name, { text }] of this.waiting) this.chat.send({ message: text, client_id: name });
    }
    if (frame.message) this.showMessage(frame);
  }

  write(text) {
    const name = Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
    const item = this.line(text, true);
    item.classList.add("waiting");
    this.waiting.set(name, { text, item });
    this.chat.send({ message: text, client_id: name });
    this.$(".say input").value = "";
  }

  arrived(name) {
    this.waiting.get(name)?.item.remove();
    this.waiting.delete(name);
  }

  showMessage(message) {
    this.arrived(message.client_id);
    if (this.said.has(message.id)) return;
    this.said.set(message.id, this.line(message.message, message.sender.id === this.me.id));
  }

  line(text, isMine) {
    const item = document.createElement("li");
    item.textContent = text;
    item.classList.toggle("mine", isMine);
    this.$(".talk").append(item);
    item.scrollIntoView({ block: "nearest" });
    return item;
  }

  showLine(place, { up, code }) {
    place.textContent = up ? say("на связи", "connected") : `${say("нет связи", "no connection")} (${code})`;
  }
}

document.querySelectorAll(".person").forEach((root) => new Person(root));
