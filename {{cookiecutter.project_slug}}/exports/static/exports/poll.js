// Fetches the list again every two seconds while it has an element with the attribute data-unfinished.
// data-list is the id of the list.

const { list: listId } = document.currentScript.dataset;

async function refresh() {
  if (!document.querySelector(`#${listId} [data-unfinished]`)) return;
  try {
    const response = await fetch(location.href);
    if (response.ok) {
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const list = page.getElementById(listId);
      // The session has ended.
      if (!list) return location.reload();
      const focused = document.activeElement.id;
      document.getElementById(listId).replaceWith(list);
      if (focused) document.getElementById(focused)?.focus();
    }
  } catch {
    // The server does not answer; the next attempt may succeed.
  }
  setTimeout(refresh, 2000);
}

setTimeout(refresh, 2000);
