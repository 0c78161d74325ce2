// A list of any length: only the rows in view exist, and only the pages looked at are asked for.

import { arrange, debounced, el } from "./dom.js";

const PAGE = 50;
const MARGIN = 6;

export class VirtualList {
  /**
   * `load(offset, limit)` gives {items, total}; `draw(item)` fills a row; `choose(item)` is Enter or a click.
   * `keyOf(item)` names it. `order(item)`: the higher, the nearer to the top (for `put`).
   */
  constructor({ label, rowHeight, load, draw, choose, keyOf, order = null, empty = null }) {
    Object.assign(this, { rowHeight, load, draw, choose, keyOf, order, empty });
    this.spacer = el("div", { class: "virtual-spacer", role: "presentation" });
    this.node = el("div", { class: "virtual", role: "listbox", tabindex: 0, "aria-label": label }, this.spacer);
    this.id = `list${Math.random().toString(36).slice(2, 8)}`;
    this.node.addEventListener("scroll", () => this.paint(), { passive: true });
    this.node.addEventListener("keydown", (event) => this._key(event));
    this.node.addEventListener("click", (event) => this._click(event));
    new ResizeObserver(() => this.paint()).observe(this.node);
    this.selected = null;
    this._clear();
  }

  _clear() {
    this.items = [];
    this.total = 0;
    this.asked = new Set();
    this.drawn = new Map();
    this.active = -1;
    this.generation = (this.generation ?? 0) + 1;
  }

  /** Ask for everything again; what is shown stays until the answer is there. */
  async refresh() {
    const generation = ++this.generation;
    const from = Math.max(0, Math.floor(this.node.scrollTop / this.rowHeight / PAGE)) * PAGE;
    const { items, total } = await this.load(from, PAGE);
    if (generation !== this.generation) return;
    const active = this.active;
    this._clear();
    this.active = Math.min(active, total - 1);
    this._take(from, items, total);
    this.paint();
  }

  top() {
    this.node.scrollTop = 0;
  }

  _take(offset, items, total) {
    this.total = total;
    this.items.length = total;
    items.forEach((item, index) => {
      this.items[offset + index] = item;
    });
    this.asked.add(Math.floor(offset / PAGE));
  }

  async _fetch(page) {
    if (this.asked.has(page)) return;
    this.asked.add(page);
    const generation = this.generation;
    const { items, total } = await this.load(page * PAGE, PAGE);
    if (generation !== this.generation) return;
    this._take(page * PAGE, items, total);
    this.paint();
  }

  indexOf(key) {
    return this.items.findIndex((item) => item !== undefined && this.keyOf(item) === key);
  }

  /** A changed row takes its place by order; one not known yet comes in. */
  put(item) {
    const key = this.keyOf(item);
    const at = this.indexOf(key);
    this.drawn.delete(key);
    if (at >= 0 && (!this.order || this.order(this.items[at]) === this.order(item))) {
      this.items[at] = item;
      return;
    }
    if (at >= 0) this.items.splice(at, 1);
    const place = this.order ? this._placeFor(item) : this.items.length;
    this.items.splice(place, 0, item);
    if (at < 0) this._closeHole(place);
    this.total = this.items.length;
  }

  _placeFor(item) {
    const found = this.items.findIndex((each) => each !== undefined && this.order(each) <= this.order(item));
    return found < 0 ? this.items.length : found;
  }

  /** A row that came up from a page never loaded left a hole there. */
  _closeHole(from) {
    for (let index = from; index < this.items.length; index += 1) {
      if (!(index in this.items) || this.items[index] === undefined) {
        this.items.splice(index, 1);
        return;
      }
    }
  }

  drop(key) {
    const at = this.indexOf(key);
    if (at < 0) return;
    this.items.splice(at, 1);
    this.drawn.delete(key);
    this.total = this.items.length;
  }

  select(key) {
    this.selected = key;
    this.active = this.indexOf(key);
    this.paint();
  }

  redraw() {
    this.drawn.clear();
    this.paint();
  }

  paint() {
    const height = this.node.clientHeight;
    if (!height) return;
    this.spacer.style.height = `${this.total * this.rowHeight}px`;
    const first = Math.max(0, Math.floor(this.node.scrollTop / this.rowHeight) - MARGIN);
    const last = Math.min(this.total, Math.ceil((this.node.scrollTop + height) / this.rowHeight) + MARGIN);
    const rows = [];
    for (let index = first; index < last; index += 1) {
      if (this.items[index] === undefined) this._fetch(Math.floor(index / PAGE));
      else rows.push(this._row(this.items[index], index));
    }
    if (!this.total && this.empty) rows.push(this.empty());
    arrange(this.spacer, rows);
    this.node.setAttribute("aria-activedescendant", this.active in this.items ? `${this.id}-${this.active}` : "");
  }

  _row(item, index) {
    const key = this.keyOf(item);
    let row = this.drawn.get(key);
    if (!row) {
      row = el("div", { class: "virtual-row", role: "option" });
      row.append(...[this.draw(item)].flat());
      this.drawn.set(key, row);
    }
    row.id = `${this.id}-${index}`;
    row.dataset.index = index;
    row.style.transform = `translateY(${index * this.rowHeight}px)`;
    row.style.height = `${this.rowHeight}px`;
    row.setAttribute("aria-selected", String(key === this.selected));
    row.setAttribute("aria-setsize", this.total);
    row.setAttribute("aria-posinset", index + 1);
    row.classList.toggle("active", index === this.active);
    return row;
  }

  _click(event) {
    const row = event.target.closest(".virtual-row");
    if (!row || event.target.closest("button, a")) return;
    this.active = Number(row.dataset.index);
    this._choose();
  }

  _choose() {
    const item = this.items[this.active];
    if (item !== undefined) this.choose(item);
  }

  _key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, Home: -Infinity, End: Infinity };
    if (event.key in steps) {
      event.preventDefault();
      this.move(steps[event.key]);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this._choose();
    }
  }

  /** Move the mark by so many rows. */
  move(step) {
    this.active = Math.max(0, Math.min(this.total - 1, this.active + step));
    const top = this.active * this.rowHeight;
    const { scrollTop, clientHeight } = this.node;
    if (top < scrollTop) this.node.scrollTop = top;
    if (top + this.rowHeight > scrollTop + clientHeight) this.node.scrollTop = top + this.rowHeight - clientHeight;
    this.paint();
  }

  /** Choose the row so many further on. */
  step(step) {
    this.move(step);
    this._choose();
  }

  /** What is typed into a search field is looked for; its arrow keys and Enter work on the list below it. */
  drivenBy(field) {
    const search = () => {
      this.top();
      this.refresh();
    };
    field.addEventListener("input", debounced(search, 120));
    field.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        this.move(event.key === "ArrowDown" ? 1 : -1);
      } else if (event.key === "Enter" && !event.isComposing) {
        if (this.active < 0) this.active = 0;
        this._choose();
      }
    });
  }
}
