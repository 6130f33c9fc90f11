/** Stands in for an object that hooks make anew: each use of a member goes to the object of now. */
export function current<T extends object>(get: () => T | undefined): T {
  return new Proxy({} as T, {
    get(_, member) {
      const now = get();
      if (!now) throw new Error(`${String(member)} is there only while a test or a hook of it runs`);
      return Reflect.get(now, member) as unknown;
    },
  });
}
