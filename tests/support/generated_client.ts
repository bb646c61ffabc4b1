// Uses the types that openapi-typescript generates from schema.yml: `node generated_client.js URL USER PASSWORD`.

import createClient from "openapi-fetch";
import type { components, paths } from "./made.js";

declare const process: { argv: string[]; exitCode: number };

function given<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) {
    throw new Error(JSON.stringify(answer.error));
  }
  return answer.data;
}

function holds(condition: boolean, what: string): void {
  if (!condition) {
    throw new Error(what);
  }
}

const [baseUrl = "", username = "", password = ""] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl });

const { token } = given(await client.POST("/api/v1/token/", { body: { username, password } }));
client.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Token ${token}`);
    return request;
  },
});
holds(given(await client.GET("/api/v1/users/me/")).username === username, "the user");

for (let number = 0; number < 60; number++) {
  given(await client.POST("/api/v1/items/", { body: { name: `Map ${number + 10}`, description: "North" } }));
}
const items: components["schemas"]["Item"][] = [];
let pages = 0;
let cursor: string | undefined;
do {
  const query = cursor ? { cursor, ordering: "name" } : { ordering: "name" };
  const page = given(await client.GET("/api/v1/items/", { params: { query } }));
  items.push(...page.results);
  pages += 1;
  cursor = page.next ? (new URL(page.next).searchParams.get("cursor") ?? undefined) : undefined;
} while (cursor);
holds(pages === 2 && items.length === 60 && items[0]?.name === "Map 10" && items[59]?.name === "Map 69", "the pages");

const id = items[0]?.id ?? 0;
const path = { id };
const changed = given(await client.PUT("/api/v1/items/{id}/", { params: { path }, body: { name: "Globe" } }));
holds(changed.name === "Globe", "the new name");
const patch = { description: "South" };
holds(given(await client.PATCH("/api/v1/items/{id}/", { params: { path }, body: patch })).name === "Globe", "the name");
const refused = await client.POST("/api/v1/items/", { body: { name: " " } });
holds(refused.error?.errors?.[0]?.pointer === "#/name", "the problem");
for (const item of items) {
  const gone = await client.DELETE("/api/v1/items/{id}/", { params: { path: { id: item.id } } });
  holds(gone.response.status === 204, "the end of an item");
}
holds((await client.GET("/api/v1/items/{id}/", { params: { path } })).error?.status === 404, "the end of all");
await client.DELETE("/api/v1/token/");
holds((await client.GET("/api/v1/users/me/")).error?.status === 401, "the end of the token");
console.log("done");
