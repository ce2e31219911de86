/**
 * Run in a page: texts whose contrast to their ground is less than 4.5 to 1 (WCAG 2.2, 1.4.3), as `text (ratio)`. Grounds here are
 * plain colours without transparency.
 */
export const FAINT_TEXT = `(() => {
  const numbers = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number);
  const isClear = (color) => color === "transparent" || numbers(color)[3] === 0;
  const luminance = (color) => {
    const [red, green, blue] = numbers(color).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const groundOf = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor;
      if (!isClear(color)) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const text = texts.currentNode.textContent.trim();
    if (text === "" || element.closest(".unseen, .skip")) continue;
    const [light, dark] = [luminance(getComputedStyle(element).color), luminance(groundOf(element))].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) faint.push(text + " (" + ratio.toFixed(2) + ")");
  }
  return faint;
})()`;
