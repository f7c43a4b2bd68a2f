// Logs in, finds a service, uploads a picture, orders, asks for the link to pay: what a shop's page does.
import { Mystar } from "./index.js";

declare const process: { argv: string[] };
const [baseUrl, username, password] = process.argv.slice(2) as [string, string, string];
const mystar = new Mystar({ baseUrl, language: "en" });

const refused = await mystar.logIn(username, "wrong").catch((error: { code: string }) => error.code);
await mystar.logIn(username, password);

const services = await mystar.api.GET("/api/v1/services/", { params: { query: { kind: "all", page_size: 10 } } });
const service = services.data?.results[0];
if (!service) throw new Error(JSON.stringify(services.error));

const picture = Uint8Array.from(atob(process.argv[5]!), (letter) => letter.charCodeAt(0));
const file = await mystar.uploadFile(new Blob([picture], { type: "image/png" }), "card.png");

const order = await mystar.api.POST("/api/v1/orders/", { body: { service_id: service.id, requirements: "For Kira" } });
if (!order.data) throw new Error(JSON.stringify(order.error));
const path = { order_id: order.data.id };
const link = await mystar.api.POST("/api/v1/orders/{order_id}/pay/", { params: { path } });
const wrong = await mystar.api.POST("/api/v1/orders/", { body: { service_id: 999_999, requirements: "" } });
await mystar.logOut();

console.log(
  JSON.stringify({
    refused,
    order: order.data.id,
    total: order.data.total_price,
    link: link.data?.link,
    file: file.content_type,
    wrong: wrong.error?.detail,
    signedIn: mystar.signedIn,
  }),
);
