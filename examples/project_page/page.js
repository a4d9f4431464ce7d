// The demo is asked for once the page is complete: even a lazy frame near the window can hold up the page's load event.
// Without scripts the link below the frame leads to the demo.
addEventListener("load", () => {
  for (const frame of document.querySelectorAll("iframe[data-src]")) frame.src = frame.dataset.src;
});

for (const button of document.querySelectorAll("[data-copies]")) {
  const text = document.getElementById(button.dataset.copies), label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text);
      button.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}
