import js from '@eslint/js';
import jupyterPlugin from '@jupyter/eslint-plugin';
import { defineConfig } from 'eslint/config';
import prettierRecommended from 'eslint-plugin-prettier/recommended';
import globals from 'globals';
import tseslint from 'typescript-eslint';

/** Modules that the shared viewer may not know: it has to work on a page without JupyterLab. */
const outsideViewer = up => ({
  group: ['@jupyterlab/*', '@lumino/*', 'react', `${up}*`, '**/style/*'],
  message: 'The viewer imports nothing outside its folder.'
});

export default defineConfig([
  { ignores: ['coverage', 'lib', 'node_modules', '**/*.d.ts', 'style/*.js'] },
  js.configs.recommended,
  {
    files: ['**/*.mjs', '**/*.cjs'],
    languageOptions: { globals: globals.node }
  },
  {
    files: ['**/*.ts'],
    plugins: { jupyter: jupyterPlugin },
    extends: [tseslint.configs.recommended, jupyterPlugin.configs.recommended],
    languageOptions: {
      globals: globals.browser,
      parserOptions: { project: 'tsconfig.test.json', sourceType: 'module' }
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/naming-convention': [
        'error',
        { selector: 'interface', format: ['PascalCase'], custom: { regex: '^I[A-Z]', match: true } }
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { args: 'none' }],
      '@typescript-eslint/no-use-before-define': 'off',
      curly: ['error', 'all'],
      eqeqeq: 'error',
      'max-lines': ['error', { max: 300 }],
      'prefer-arrow-callback': 'error'
    }
  },
  ...[
    { files: ['src/viewer/*.ts'], up: '../' },
    { files: ['src/viewer/*/*.ts'], up: '../../' }
  ].map(({ files, up }) => ({
    files,
    rules: { 'no-restricted-imports': ['error', { patterns: [outsideViewer(up)] }] }
  })),
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['describe', 'it'] }] }
      ],
      'jupyter/no-untranslated-string': 'off',
      'max-lines': 'off'
    }
  },
  prettierRecommended
]);
