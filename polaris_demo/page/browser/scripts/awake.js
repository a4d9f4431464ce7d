// Keeps the screen awake while a story of one's own is being written; browsers let go of it when the page is hidden.
export const awake = {
  lock: null,
  async want(wanted) {
    this.wanted = wanted;
    if (this.asking) return; // whoever asks sees what is wanted by then
    this.asking = true;
    try {
      if (this.wanted && (!this.lock || this.lock.released)) this.lock = await navigator.wakeLock?.request("screen");
      if (!this.wanted) { await this.lock?.release(); this.lock = null; }
    } catch { /* not allowed here, or the battery is low */ }
    this.asking = false;
  },
};
