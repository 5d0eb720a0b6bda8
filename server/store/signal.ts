// Tells whoever waits that something was committed; what it was, they read in the store.

export class Signal {
  private readonly listeners = new Set<() => void>();

  /** @returns what ends the listening */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  fire(): void {
    for (const listener of this.listeners) listener();
  }
}
