// The date of what is in view stands at the top while one scrolls.

const REST = 900; // milliseconds after which it goes

export function floatDates(thread) {
  const top = thread.scroller.getBoundingClientRect().top;
  for (const day of thread.column.querySelectorAll(".day")) {
    const above = day.parentElement.getBoundingClientRect().top < top - 8;
    day.classList.toggle("floating", above && day.getBoundingClientRect().top <= top + 8);
  }
  thread.node.classList.add("scrolling");
  clearTimeout(thread.resting);
  thread.resting = setTimeout(() => thread.node.classList.remove("scrolling"), REST);
}
