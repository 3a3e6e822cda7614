/** Different queries of one list that are remembered while it is the newest. */
const MAX_VIEWS = 32;

/** What was made of a list for each query: the very same object for the same list and query. */
export class Views<List extends object, View extends object> {
  #list: List | null = null;
  readonly #views = new Map<string, View>();

  of(list: List, query: object, make: () => View): View {
    if (list !== this.#list) {
      this.#list = list;
      this.#views.clear();
    }
    const name = JSON.stringify(query);
    const known = this.#views.get(name);
    if (known !== undefined) return known;
    const view = make();
    if (this.#views.size < MAX_VIEWS) this.#views.set(name, view);
    return view;
  }
}
