import { byId } from './dom.js';

const STORED_AS = 'waggle-theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

/** Light or dark as the system has it, until the button says otherwise. `onChange` is told of either. */
export function setUpTheme(onChange: () => void): void {
  const toggle = byId('theme', HTMLButtonElement);
  const isDark = (): boolean =>
    (localStorage.getItem(STORED_AS) ?? (dark.matches ? 'dark' : 'light')) === 'dark';
  const show = (): void => {
    document.documentElement.dataset['theme'] = isDark() ? 'dark' : 'light';
    toggle.setAttribute('aria-pressed', String(isDark()));
    onChange();
  };
  toggle.addEventListener('click', () => {
    localStorage.setItem(STORED_AS, isDark() ? 'light' : 'dark');
    show();
  });
  dark.addEventListener('change', show);
  show();
}
