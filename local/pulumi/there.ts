/** Runs a call; true when it went well, false when it failed with one of the names (the thing is there already, or not at all). */
export async function unlessThere(call: Promise<unknown>, ...names: string[]): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (names.includes((error as Error).name)) return false;
    throw error;
  }
}
