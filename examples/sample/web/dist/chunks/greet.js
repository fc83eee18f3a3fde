export function greet(document) {
  document.documentElement.dataset.sample = "ready";
}
