// Fetches the list again whenever the server reports a change over the WebSocket.
// data-path is the path of the WebSocket, data-list the id of the list.

const { path, list: listId } = document.currentScript.dataset;
const SIGNED_OUT = 4401;
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
      const list = page.getElementById(listId);
      if (!list) return location.reload();
      const focused = document.activeElement.id;
      document.getElementById(listId).replaceWith(list);
      if (focused) document.getElementById(focused)?.focus();
    }
  } catch {
    // The server does not answer. When it is back, the socket reconnects and the list is fetched again.
  } finally {
    refreshing = false;
  }
}

function connect() {
  const socket = new WebSocket(new URL(path, location.href.replace(/^http/, "ws")));
  let refused = true;
  socket.onopen = () => {
    delay = 1000;
    refused = false;
    // Catches up with changes before this connection.
    refresh();
  };
  socket.onmessage = refresh;
  socket.onclose = ({ code }) => {
    setTimeout(() => {
      if (code === SIGNED_OUT) return location.reload();
      // If the session has ended, the page reloads, because it no longer has a list.
      if (refused) refresh();
      connect();
    }, delay);
    delay = Math.min(delay * 2, 30000);
  };
}

connect();
