/** The catalogue in memory: sorted once, searched without a request, forgiving typing mistakes. */

const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

export class Catalogue {
  /** Of the products, in their order. */
  #texts;
  /** How often there is a word. */
  #words = new Map();

  constructor(products = []) {
    const { compare } = new Intl.Collator(undefined, { numeric: true });
    this.products = products.sort((first, second) => compare(first.name, second.name));
    this.byId = new Map(products.map((product) => [product.id, product]));
    this.#texts = this.products.map((product) => fold(`${product.name} ${product.sku}`));
    for (const word of this.#texts.join(" ").split(/[^\p{L}\p{N}]+/u))
      this.#words.set(word, (this.#words.get(word) ?? 0) + 1);
  }

  /** Returns the products with all words of a text, and the words that were searched: those that
   * no product has are replaced by the nearest. */
  search(text) {
    const words = fold(text).split(/\s+/).filter(Boolean);
    const isKnown = (word) => this.#texts.some((text) => text.includes(word));
    const searched = words.map((word) => (isKnown(word) ? word : (this.#nearest(word) ?? word)));
    const has = (_, place) => searched.every((word) => this.#texts[place].includes(word));
    const corrected = searched.join(" ") === words.join(" ") ? "" : searched.join(" ");
    return { products: this.products.filter(has), corrected };
  }

  /** Returns the word that differs least from this one: in one letter if it has four, in two if it
   * has eight; of several the most frequent. */
  #nearest(word) {
    let nearest;
    let least = word.length < 4 ? 0 : word.length < 8 ? 1 : 2;
    for (const [known, count] of this.#words) {
      // The first letter is hardly ever wrong, and this leaves a tenth of the words.
      if (known[0] !== word[0] && known[0] !== word[1]) continue;
      const letters = difference(word, known, least);
      const isRarer = nearest !== undefined && count <= this.#words.get(nearest);
      if (letters > least || (letters === least && isRarer)) continue;
      nearest = known;
      least = letters;
    }
    return nearest;
  }
}

/** Returns in how many letters a word differs from the beginning of another: missing, added, other
 * or swapped ones. Infinity if it is more than `most`. */
function difference(word, other, most) {
  const begin = other.slice(0, word.length + most);
  let before = [];
  let above = Array.from({ length: begin.length + 1 }, (_, column) => column);
  for (let row = 1; row <= word.length; row++) {
    const current = [row];
    for (let column = 1; column <= begin.length; column++) {
      const isSame = word[row - 1] === begin[column - 1];
      const isSwap = word[row - 1] === begin[column - 2] && word[row - 2] === begin[column - 1];
      const replaced = above[column - 1] + (isSame ? 0 : 1);
      const swapped = isSwap ? before[column - 2] + 1 : Infinity;
      current.push(Math.min(replaced, swapped, above[column] + 1, current[column - 1] + 1));
    }
    if (Math.min(...current) > most) return Infinity;
    [before, above] = [above, current];
  }
  return Math.min(...above.slice(word.length - most));
}
