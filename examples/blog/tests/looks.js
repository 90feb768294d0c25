// What a machine can tell of how a page looks: a list of faults.
const faults = [];
const root = document.documentElement;
if (root.scrollWidth > root.clientWidth) {
  faults.push(`the page is ${root.scrollWidth} wide in a window of ${root.clientWidth}`);
}

const numbers = (color) => (color.match(/[\d.]+/g) || []).map(Number);
const luminance = (color) => {
  const [r, g, b] = color.slice(0, 3).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const color = numbers(getComputedStyle(at).backgroundColor);
    if (color.length && (color.length < 4 || color[3] > 0)) return color;
  }
  return [255, 255, 255];
};
const name = (element) => `${element.tagName.toLowerCase()} "${(element.textContent || element.name || '').trim().slice(0, 30)}"`;

for (const element of document.body.querySelectorAll('*')) {
  const box = element.getBoundingClientRect();
  if (!box.width || !box.height || box.right < 0) continue;
  const style = getComputedStyle(element);
  if ([...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())) {
    if (parseFloat(style.fontSize) < 13) faults.push(`${name(element)} has letters of ${style.fontSize}`);
    const shades = [luminance(numbers(style.color)), luminance(ground(element))];
    const contrast = (Math.max(...shades) + 0.05) / (Math.min(...shades) + 0.05);
    // WCAG 2.2, 1.4.3; the large number on an error's page is decoration.
    if (contrast < 4.5 && !element.matches('.status')) faults.push(`${name(element)} has a contrast of ${contrast.toFixed(1)}`);
  }
  // WCAG 2.2, 2.5.8, but for links within text.
  if (element.matches('button, input, textarea, a.button, nav a') && box.height < 24) {
    faults.push(`${name(element)} is ${box.height} high`);
  }
}
for (const image of document.images) {
  if (!image.hasAttribute('alt')) faults.push('an image has no alt');
}
for (const field of document.querySelectorAll('main input:not([type=hidden]), main textarea')) {
  if (!field.labels.length) faults.push(`${field.name} has no label`);
}
return faults;
