// Shows changes made elsewhere: whenever the server tells of one, the list is fetched again.

let delay = 1000;
let refreshing = false;
let changed = false;

async function refresh() {
  changed = true;
  if (refreshing) return;
  refreshing = true;
  try {
    while (changed) {
      changed = false;
      const response = await fetch(location.href);
      if (response.status >= 500) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const list = page.getElementById("items");
      if (!list) return location.reload();
      const focused = document.activeElement.id;
      document.getElementById("items").replaceWith(list);
      if (focused) document.getElementById(focused)?.focus();
    }
  } catch {
    // The server is away; when it is back, the socket opens anew and the list is fetched again.
  } finally {
    refreshing = false;
  }
}

function connect() {
  const socket = new WebSocket(new URL("/ws/items/", location.href.replace(/^http/, "ws")));
  socket.onopen = () => {
    delay = 1000;
    // Catches up on what happened before this connection.
    refresh();
  };
  socket.onmessage = refresh;
  socket.onclose = () => {
    setTimeout(connect, delay);
    delay = Math.min(delay * 2, 30000);
  };
}

connect();
