// Asks the question of data-confirm before a form is sent or a link is followed:
// <button type="submit" data-confirm="Delete it?">, also on the form itself and on links.

function ask(event, question) {
  if (question && !confirm(question)) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}

// Capturing, so that this runs before all other scripts.
document.addEventListener("submit", (event) => {
  ask(event, event.submitter?.dataset.confirm ?? event.target.dataset.confirm);
}, true);
document.addEventListener("click", (event) => {
  ask(event, event.target.closest("a")?.dataset.confirm);
}, true);
