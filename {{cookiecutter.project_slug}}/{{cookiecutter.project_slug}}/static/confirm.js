// Asks for confirmation before a form is sent or a link is followed: <button type="submit" data-confirm="Delete it?">.
// The attribute works on buttons, forms and links.

function ask(event, question) {
  if (question && !confirm(question)) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}

// The capturing phase, so that this runs before other scripts.
document.addEventListener("submit", (event) => {
  ask(event, event.submitter?.dataset.confirm ?? event.target.dataset.confirm);
}, true);
document.addEventListener("click", (event) => {
  ask(event, event.target.closest("a")?.dataset.confirm);
}, true);
