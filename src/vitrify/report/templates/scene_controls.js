window.vitrifyScene = K3DInstance;
const byId = (id) => document.getElementById(id);
const slider = byId('time');
let pending = Promise.resolve();

function show() {
  const k = Number(slider.value);
  byId('clock').textContent = times[k] + ' ' + unit;
  pending = pending.then(() => K3DInstance.setTime(k)).then(() => K3DInstance.render());
}
slider.addEventListener('input', show);

let player = null;
byId('play').addEventListener('click', () => {
  if (player) { clearInterval(player); player = null; } else {
    player = setInterval(() => {
      slider.value = (Number(slider.value) + 1) % times.length;
      show();
    }, 450);
  }
  byId('play').textContent = player ? 'Pause' : 'Play';
});

byId('cut').addEventListener('input', (event) => {
  const part = event.target.value / 100;
  K3DInstance.setClippingPlanes(part > 0 ? [[-1, 0, 0, cutTo + (cutFrom - cutTo) * part]] : []);
});

if (matchMedia('(prefers-reduced-motion: reduce)').matches) byId('turn').checked = false;
let held = false, seen = true, last = null;
new IntersectionObserver((entries) => { seen = entries[0].isIntersecting; }).observe(byId('canvasTarget'));
// The wheel scrolls the page until the scene is taken in hand.
const canvas = byId('canvasTarget');
canvas.addEventListener('pointerdown', () => { held = true; K3DInstance.setCameraLock(false, false, false); });
canvas.addEventListener('pointerleave', () => K3DInstance.setCameraLock(false, true, false));
window.addEventListener('pointerup', () => { held = false; });
function turn(now) {
  const step = last === null ? 0 : Math.min(now - last, 100) * 1.6e-4;
  last = now;
  if (byId('turn').checked && !held && seen && !document.hidden) {
    const world = K3DInstance.getWorld();
    const c = [...world.camera.position.toArray(), ...world.controls.target.toArray(), ...world.camera.up.toArray()];
    const x = c[0] - c[3], y = c[1] - c[4];
    c[0] = c[3] + x * Math.cos(step) - y * Math.sin(step);
    c[1] = c[4] + x * Math.sin(step) + y * Math.cos(step);
    const ux = c[6], uy = c[7];
    c[6] = ux * Math.cos(step) - uy * Math.sin(step);
    c[7] = ux * Math.sin(step) + uy * Math.cos(step);
    K3DInstance.setCamera(c);
    K3DInstance.render();
  }
  requestAnimationFrame(turn);
}
requestAnimationFrame(turn);
show();
document.documentElement.dataset.ready = 'yes';
