import type { Store } from '../store/open-store.ts';

/** Nobody wants a version of this model in this role any more: it runs no longer, and neither does the one before it. */
export function withdraw(store: Store, model: string, role: 'current' | 'shadow'): void {
  store.transaction(() => {
    store.places.withdraw(model, role);
    store.outgoing.append({ kind: 'running', running: store.places.running() });
  });
}
