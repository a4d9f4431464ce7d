// The form's own behaviour: the dial, the card's ranges, presets, links, the shelf of stories, the keyboard.
(() => {
  "use strict";
  const { one, setText, make, keys, post, copy } = polaris.tools;

  const FIELDS = ["premise", "words", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty", "max_new_tokens", "seed"];

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
      try { show(await (await fetch("stories/status")).json()); } catch { again(); }
    };
    let next;
    const again = () => { clearTimeout(next); next = setTimeout(ask, 2000); };
    const show = (status) => {
      if (!status) return;
      if (!status.ready) again();
      polaris.home = status.home;
      setText(one(element, ".badge"), status.badge);
      one(element, ".badge").classList.toggle("preview", status.preview);
      const why = one(element, ".why");
      why.hidden = !(status.preview && status.why);
      setText(why, status.preview ? `The stories here are not POLARIS-9B's. ${status.why}` : "");
    };
    watch("value", () => show(props.value));
    show(props.value);
  }

  function chips(element, props, watch, trigger) {
    element.addEventListener("click", (event) => {
      const chip = event.target.closest(".chip");
      if (chip) trigger("click", { index: Number(chip.dataset.index) });
    });
  }

  // Paragraphs of the findings or expectations the server sent.
  const paragraphs = (node, findings) => node.replaceChildren(...(findings || []).map((f) => make("p", f.message, `note ${f.level}`)));

  function note(element, props, watch) {
    const show = () => paragraphs(one(element, ".notes"), props.value);
    watch("value", show);
    show();
  }

  function dial(element, props, watch, trigger) {
    const here = one(element, ".here"), zones = [...element.querySelectorAll(".zones span")];
    const place = () => {
      const words = Number(input("words")?.value), low = Number(zones[0].dataset.from), high = Number(zones.at(-1).dataset.to);
      if (!(words >= low && words <= high)) return;
      here.style.left = `${((words - low) / (high - low)) * 100}%`;
      for (const zone of zones) zone.classList.toggle("in", words >= Number(zone.dataset.from) && words <= Number(zone.dataset.to));
    };
    const show = () => {
      const fits = one(element, ".fits"), days = props.value?.fits || [];
      one(element, ".expect").replaceChildren(...(props.value?.lines || []).map((line) => make("p", line)));
      fits.replaceChildren(...(days.length ? [make("span", "Fits in a day:"), ...days.map(fit)] : []));
      fits.hidden = !days.length;
      place();
    };
    // The longest story that fits a visitor's day, which one click asks for.
    const fit = (day) => {
      if (!day.words) return make("span", `nothing ${day.who},`);
      const button = make("button", `${day.words.toLocaleString("en")} words ${day.who}`, "chip");
      button.type = "button";
      button.dataset.words = day.words;
      return button;
    };
    let typed;
    document.addEventListener("input", (event) => {
      if (event.target.closest?.("#words")) place();
      if (!event.target.closest?.("#premise")) return;
      clearTimeout(typed); // the server reads a length out of the premise; Gradio 6.31 loses a Textbox's input event beside its change
      typed = setTimeout(() => trigger("input", { premise: event.target.value }), 300);
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
    const show = () => setText(one(element, ".promise"), props.value);
    watch("value", show);
    show();
  }

  function prompt(element, props, watch) {
    const show = () => {
      setText(one(element, ".prompt"), props.value?.prompt);
      setText(one(element, ".about"), props.value?.about);
    };
    watch("value", show);
    show();
  }

  // The request as code, one kind at a time; it follows the controls.
  function code(element, props, watch) {
    const kinds = one(element, ".kinds"), text = one(element, "pre"), button = one(element, ".copy-code");
    let chosen = "";
    const show = () => {
      const all = props.value?.code || [];
      chosen = all.some(([kind]) => kind === chosen) ? chosen : all[0]?.[0];
      setText(one(element, ".about"), props.value?.about);
      setText(text, all.find(([kind]) => kind === chosen)?.[1]);
      kinds.hidden = button.hidden = !all.length;
      if (kinds.children.length !== all.length) kinds.replaceChildren(...all.map(([kind]) => choice(kind)));
      for (const kind of kinds.children) kind.setAttribute("aria-pressed", String(kind.textContent === chosen));
    };
    const choice = (kind) => {
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
    watch("value", () => { polaris.recipe = props.value; });
    button.addEventListener("click", () => copy(button, (polaris.home || location.origin + location.pathname) + (props.value && `?${props.value}`)));
  }

  function shelf(element, props, watch, trigger) {
    const list = one(element, "ul"), empty = one(element, ".shelf-empty"), all = one(element, ".shelf-all");
    let shown = "";
    async function refresh() {
      const mine = keys.all();
      const answer = mine.length ? await post("stories/summaries", { ids: mine.map(([id]) => id) }) : { stories: [] };
      const stories = answer.stories || [];
      if (shown !== (shown = JSON.stringify(stories))) replace(stories.map(entry));
      empty.hidden = stories.length > 0;
      setText(empty, answer.refused || (keys.stored() ? "No story yet. The first one you ask for appears here."
        : "This browser keeps nothing for this page, so stories are found again by their links only."));
      all.hidden = stories.length === 0;
      all.href = `stories/stories.zip?ids=${stories.map((s) => s.id).join(",")}`;
    }
    // The focus stays on its story's line, or where that is gone on the one that took its place.
    function replace(items) {
      const at = document.activeElement, before = [...list.children].findIndex((item) => item.contains(at));
      list.replaceChildren(...items);
      if (before < 0) return;
      const item = items.find((it) => it.dataset.story === at.closest("li").dataset.story) || items[Math.min(before, items.length - 1)];
      (item ? one(item, at.localName) : document.querySelector("[role=tab][aria-selected=true]"))?.focus();
    }
    function entry(story) {
      const item = make("li"), open = make("a", story.title, "title"), gone = make("button", "Delete", "quiet");
      item.dataset.story = story.id;
      open.href = `?story=${story.id}`;
      open.dir = "auto";
      gone.type = "button";
      gone.setAttribute("aria-label", `Delete ${story.title}`);
      gone.addEventListener("click", async () => {
        if (!confirm(`Delete “${story.title}” from the server?`)) return;
        const done = await post(`stories/${story.id}/delete`, { key: keys.get(story.id) });
        if (done.refused) return alert(done.refused);
        keys.forget(story.id);
        refresh();
      });
      item.append(open, make("span", story.about, "shelf-line"), gone);
      return item;
    }
    polaris.refreshShelf = refresh;
    new IntersectionObserver(([seen]) => seen.isIntersecting && refresh()).observe(element);
    refresh();
  }

  function about(element) {
    for (const button of element.querySelectorAll("[data-copies]")) {
      const text = one(element, `#${button.dataset.copies}`);
      // Where this page itself stands: inside huggingface.co that is the only address another page may frame.
      setText(text, text.textContent.replace("ADDRESS", location.origin + location.pathname));
      button.addEventListener("click", () => copy(button, text.textContent, text));
    }
  }

  // The host of this server, by the key set as POLARIS_ADMIN_KEY: lets new stories begin or not, deletes any story.
  function foot(element) {
    const line = one(element, ".hosting");
    const show = (answer) => {
      line.hidden = false;
      if (answer.refused) return setText(line, answer.refused);
      keys.host = answer.key || keys.host;
      const button = make("button", answer.paused ? "Let new stories begin" : "Pause new stories", "quiet");
      button.type = "button";
      button.addEventListener("click", async () => show(await post("stories/host", { key: keys.host, paused: !answer.paused })));
      line.replaceChildren(answer.paused ? "New stories are paused. " : "New stories may begin. ", button, " Any story opened by its link can be deleted.");
      const gone = document.querySelector("[data-do=delete]");
      if (gone) gone.hidden = false;
    };
    one(element, ".host").addEventListener("click", async () => {
      const key = window.prompt("The key this server's host has set:");
      if (!key) return;
      const answer = await post("stories/host", { key });
      show(answer.refused ? answer : { ...answer, key });
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
    if (polaris.runFilled) setTimeout(() => document.getElementById("write")?.click(), 50);
    else { const box = input("premise"); box?.scrollIntoView({ block: "center" }); box?.focus(); }
  }

  // What stands in the form goes through a reload: the address brings it back (tools.js), and is as before once it has arrived.
  window.addEventListener("pagehide", () => {
    const form = new URLSearchParams(polaris.recipe || "");
    for (const field of FIELDS) if (input(field)) form.set(field, input(field).value);
    keys.session("polaris-form", form.toString());
  });
  function arrived() {
    if (polaris.brought) history.replaceState(null, "", polaris.brought);
    polaris.brought = "";
  }

  Object.assign(window.polaris, { arrived, header, chips, note, dial, range, presets, promise, prompt, code, link, shelf, about, foot, filled });
  window.dispatchEvent(new Event("polaris-ready"));
})();
