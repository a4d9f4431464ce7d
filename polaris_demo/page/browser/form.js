// The form's own behaviour: the dial, the card's ranges, presets, links, the shelf of stories, the keyboard.
(() => {
  "use strict";
  const { state } = polaris, { events, fields, storage } = polaris.wire, { one, setText, make, keys, post, copy } = polaris.tools;

  // What a field of Gradio's shows; setting it goes the way a hand would, so that Gradio hears of it.
  const input = (field) => document.querySelector(`#${field} input[type=number]`) || document.querySelector(`#${field} :is(input, textarea)`);
  function set(field, value) {
    const box = input(field);
    if (!box || box.value === String(value)) return;
    const kind = box.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(box, String(value));
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.dispatchEvent(new Event("change", { bubbles: true }));
    box.dispatchEvent(new Event("blur", { bubbles: true }));
  }

  function header(element, props, watch) {
    // Asked for by the page itself: Gradio 6.31 loads the page anew when one of its own calls failed for want of a connection.
    const ask = async () => {
      try {
        const status = await (await fetch("stories/status")).json();
        show(status);
      } catch { again(); }
    };
    let next;
    const again = () => { clearTimeout(next); next = setTimeout(ask, 2000); };
    // Who writes may become known only now, and with that the length to begin with. What the address asks for stays.
    let usual;
    const begin = (words) => {
      if (Number(input("words")?.value) === usual && !new URLSearchParams(location.search).has("words")) set("words", words);
      usual = words;
      const small = document.querySelector("#embed [name=words]");
      if (small) small.defaultValue = words;
    };
    const show = (status) => {
      if (!status) return;
      if (!status.ready) again();
      state.home = status.home;
      begin(status.words);
      setText(one(element, ".badge"), status.badge);
      one(element, ".badge").classList.toggle("preview", status.preview);
      const why = one(element, ".why");
      why.hidden = !(status.preview && status.why);
      setText(why, status.preview ? `The stories here are not POLARIS-9B's. ${status.why}` : "");
    };
    const arrive = () => {
      const status = props.value;
      show(status);
    };
    watch("value", arrive);
    arrive();
  }

  function chips(element, props, watch, trigger) {
    element.addEventListener("click", (event) => {
      const chip = event.target.closest(".chip");
      if (chip) trigger(events.example, { index: Number(chip.dataset.index) });
    });
  }

  function note(element, props, watch) {
    const show = () => {
      const notes = props.value || [];
      one(element, ".notes").replaceChildren(...notes.map((note) => make("p", note.message, `note ${note.level}`)));
    };
    watch("value", show);
    show();
  }

  // The longest story that fits a visitor's day, which one click asks for.
  const longest = (fit) => {
    if (!fit.words) return make("span", `nothing ${fit.who},`);
    const button = make("button", `${fit.words.toLocaleString("en")} words ${fit.who}`, "chip");
    button.type = "button";
    button.dataset.words = fit.words;
    return button;
  };

  function dial(element, props, watch, trigger) {
    const here = one(element, ".here"), zones = [...element.querySelectorAll(".zones span")];
    const place = () => {
      const words = Number(input("words")?.value), low = Number(zones[0].dataset.from), high = Number(zones.at(-1).dataset.to);
      if (!(words >= low && words <= high)) return;
      here.style.left = `${((words - low) / (high - low)) * 100}%`;
      for (const zone of zones) zone.classList.toggle("in", words >= Number(zone.dataset.from) && words <= Number(zone.dataset.to));
    };
    const show = () => {
      const dial = props.value, days = dial?.fits || [], fits = one(element, ".fits");
      one(element, ".expect").replaceChildren(...(dial?.lines || []).map((line) => make("p", line)));
      fits.replaceChildren(...(days.length ? [make("span", "Fits in a day:"), ...days.map(longest)] : []));
      fits.hidden = !days.length;
      place();
    };
    let typed;
    document.addEventListener("input", (event) => {
      if (event.target.closest?.("#words")) place();
      if (!event.target.closest?.("#premise")) return;
      clearTimeout(typed); // the server reads a length out of the premise; Gradio 6.31 loses a Textbox's input event beside its change
      typed = setTimeout(() => trigger(events.length, { premise: event.target.value }), 300);
    });
    element.addEventListener("click", (event) => {
      const tick = event.target.closest("[data-words]");
      if (tick) set("words", tick.dataset.words);
    });
    watch("value", show);
    show();
  }

  // The card's range under a control, a mark where the control is outside of it, and the way back to the card's value.
  function range(element, field, value, low, high) {
    const back = one(element, ".back"), mark = one(element, ".outside");
    const look = () => {
      const box = input(field), set = Number(box?.value);
      if (!box) return;
      const outside = box.value !== "" && (set < low || set > high);
      back.hidden = set === value;
      mark.hidden = !outside;
      document.getElementById(field).classList.toggle("outside", outside);
    };
    back.addEventListener("click", () => { set(field, value); look(); });
    for (const kind of ["input", "change", "click"]) document.addEventListener(kind, () => setTimeout(look));
    look();
  }

  function presets(element, values) {
    element.addEventListener("click", (event) => {
      const chosen = event.target.closest("[data-preset]");
      if (!chosen) return;
      for (const [field, value] of Object.entries(values[chosen.dataset.preset])) set(field, value);
    });
  }

  function promise(element, props, watch) {
    const show = () => {
      const promise = props.value;
      setText(one(element, ".promise"), promise);
    };
    watch("value", show);
    show();
  }

  function prompt(element, props, watch) {
    const show = () => {
      const prompt = props.value;
      setText(one(element, ".prompt"), prompt?.prompt);
      setText(one(element, ".about"), prompt?.about);
    };
    watch("value", show);
    show();
  }

  // The request as code, one kind at a time; it follows the controls.
  function code(element, props, watch) {
    const kinds = one(element, ".kinds"), text = one(element, "pre"), button = one(element, ".copy-code");
    let chosen = "";
    const show = () => {
      const code = props.value, all = code?.code || [];
      chosen = all.some(([kind]) => kind === chosen) ? chosen : all[0]?.[0];
      setText(one(element, ".about"), code?.about);
      setText(text, all.find(([kind]) => kind === chosen)?.[1]);
      kinds.hidden = button.hidden = !all.length;
      if (kinds.children.length !== all.length) kinds.replaceChildren(...all.map(choice));
      [...kinds.children].forEach((pick, i) => pick.setAttribute("aria-pressed", String(all[i]?.[0] === chosen)));
    };
    const choice = ([kind]) => {
      const pick = make("button", kind);
      pick.type = "button";
      pick.addEventListener("click", () => { chosen = kind; show(); text.scrollTop = 0; });
      return pick;
    };
    button.addEventListener("click", () => copy(button, text.textContent, text));
    watch("value", show);
    show();
  }

  function link(element, props, watch) {
    const button = one(element, ".copy-link");
    const show = () => {
      const link = props.value;
      state.recipe = link || "";
    };
    watch("value", show);
    show();
    button.addEventListener("click", () => copy(button, (state.home || location.origin + location.pathname) + (state.recipe && `?${state.recipe}`)));
  }

  function shelf(element) {
    const list = one(element, "ul"), empty = one(element, ".shelf-empty"), all = one(element, ".shelf-all");
    let shown = "";
    async function refresh() {
      const mine = keys.all();
      const summaries = mine.length ? await post("stories/summaries", { ids: mine.map(([id]) => id) }) : { stories: [] };
      const stories = summaries.stories || [];
      if (shown !== (shown = JSON.stringify(stories))) replace(stories.map(entry));
      empty.hidden = stories.length > 0;
      setText(empty, summaries.refused || (keys.stored() ? "No story yet. The first one you ask for appears here."
        : "This browser keeps nothing for this page, so stories are found again by their links only."));
      all.hidden = stories.length === 0;
      all.href = `stories/stories.zip?ids=${stories.map((summary) => summary.id).join(",")}`;
    }
    // The focus stays on its story's line, or where that is gone on the one that took its place.
    function replace(items) {
      const at = document.activeElement, before = [...list.children].findIndex((item) => item.contains(at));
      list.replaceChildren(...items);
      if (before < 0) return;
      const item = items.find((it) => it.dataset.story === at.closest("li").dataset.story) || items[Math.min(before, items.length - 1)];
      (item ? one(item, at.localName) : document.querySelector("[role=tab][aria-selected=true]"))?.focus();
    }
    function entry(summary) {
      const item = make("li"), open = make("a", summary.title, "title"), remove = make("button", "Delete", "quiet");
      item.dataset.story = summary.id;
      open.href = `?story=${summary.id}`;
      open.dir = "auto";
      remove.type = "button";
      remove.setAttribute("aria-label", `Delete ${summary.title}`);
      remove.addEventListener("click", async () => {
        if (!confirm(`Delete “${summary.title}” from the server?`)) return;
        const acted = await post(`stories/${summary.id}/delete`, { key: keys.get(summary.id) });
        if (!acted.done) return alert(acted.refused);
        keys.forget(summary.id);
        refresh();
      });
      item.append(open, make("span", summary.about, "shelf-line"), remove);
      return item;
    }
    state.refreshShelf = refresh;
    new IntersectionObserver(([seen]) => seen.isIntersecting && refresh()).observe(element);
    refresh();
  }

  function about(element) {
    for (const button of element.querySelectorAll("[data-copies]")) {
      const text = one(element, `#${button.dataset.copies}`);
      // Where this page itself stands: inside huggingface.co that is the only address another page may frame.
      setText(text, text.textContent.replace(polaris.wire.address, location.origin + location.pathname));
      button.addEventListener("click", () => copy(button, text.textContent, text));
    }
  }

  // The host of this server, by the key set as POLARIS_ADMIN_KEY: lets new stories begin or not, deletes any story.
  function foot(element) {
    const line = one(element, ".hosting");
    const ask = async (key, paused) => {
      const host = await post("stories/host", { key, paused });
      line.hidden = false;
      if (host.refused) return setText(line, host.refused);
      keys.host = key;
      const button = make("button", host.paused ? "Let new stories begin" : "Pause new stories", "quiet");
      button.type = "button";
      button.addEventListener("click", () => ask(key, !host.paused));
      line.replaceChildren(host.paused ? "New stories are paused. " : "New stories may begin. ", button, " Any story opened by its link can be deleted.");
      const remove = document.querySelector("[data-do=delete]");
      if (remove) remove.hidden = false;
    };
    one(element, ".host").addEventListener("click", () => {
      const key = window.prompt("The key this server's host has set:");
      if (key) ask(key);
    });
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !polaris.embedded) {
      event.preventDefault();
      document.getElementById("write")?.click();
    } else if (event.key === "Escape") {
      if (document.body.dataset.reading === "yes") document.querySelector("[data-do=full]")?.click();
      else if (!document.querySelector("ul.options")) polaris.stop?.();  // there Esc only closes the list
    }
  });

  // Gradio 6.31 calls its tabs tabs, and leaves out the arrow keys that people expect of tabs.
  document.addEventListener("keydown", (event) => {
    const tab = event.target.closest?.("#tabs [role=tab]");
    if (!tab || event.altKey || event.ctrlKey || event.metaKey) return;
    const tabs = [...tab.parentElement.querySelectorAll("[role=tab]")], last = tabs.length - 1, at = tabs.indexOf(tab);
    const to = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    tabs[to].click();
    tabs[to].focus();
  });

  // After the form has been filled from a story: write at once, or let the visitor change one thing.
  function filled() {
    delete document.body.dataset.view;
    setTimeout(() => document.dispatchEvent(new Event("change"))); // Gradio says nothing of values it sets itself
    if (state.runFilled) setTimeout(() => document.getElementById("write")?.click(), 50);
    else { const box = input("premise"); box?.scrollIntoView({ block: "center" }); box?.focus(); }
  }

  // What stands in the form goes through a reload: the address brings it back (tools.js), and is as before once it has arrived.
  window.addEventListener("pagehide", () => {
    const form = new URLSearchParams(state.recipe);
    for (const field of fields) if (input(field)) form.set(field, input(field).value);
    keys.session(storage.form, form.toString());
  });
  function arrived() {
    if (state.brought) history.replaceState(null, "", state.brought);
    state.brought = "";
    input("premise").dir = "auto"; // Gradio 6.31 has every Textbox begin at the left
  }

  Object.assign(polaris, { arrived, header, chips, note, dial, range, presets, promise, prompt, code, link, shelf, about, foot, filled });
  window.dispatchEvent(new Event(polaris.wire.ready));
})();
