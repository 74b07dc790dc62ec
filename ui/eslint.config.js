import importX from "eslint-plugin-import-x";
import svelte from "eslint-plugin-svelte";
import tseslint from "typescript-eslint";
import { readdirSync } from "node:fs";

import svelteConfig from "./svelte.config.js";

const features = readdirSync(new URL("./src/features", import.meta.url));

const onlyHostTalksToTauri = {
  group: ["@tauri-apps/*"],
  message: "Only src/host/tauri.ts knows Tauri.",
};
const noFeatures = {
  regex: "/features/",
  message: "Stores, components and words know no feature.",
};

/** A feature may use components, stores and words, never another feature. */
const featureRules = features.map((name) => ({
  files: [`src/features/${name}/**`],
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: [
          onlyHostTalksToTauri,
          {
            regex: `^\\.\\./(?!\\.\\.)(?!${name}/)`,
            message: "Features never import each other; share through components or stores.",
          },
        ],
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ["dist/**", "dist-fake/**", "node_modules/**", "src/contract.gen.ts"] },
  ...tseslint.configs.strict,
  ...svelte.configs.recommended,
  {
    files: ["**/*.ts", "**/*.svelte"],
    languageOptions: {
      parserOptions: { parser: tseslint.parser, extraFileExtensions: [".svelte"], svelteConfig },
    },
  },
  {
    plugins: { "import-x": importX },
    settings: {
      "import-x/resolver": { typescript: true, node: true },
      "import-x/parsers": {
        "@typescript-eslint/parser": [".ts"],
        "svelte-eslint-parser": [".svelte"],
      },
      "import-x/extensions": [".ts", ".svelte"],
    },
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "svelte/no-at-html-tags": "error",
      // Stores keep plain maps on purpose: what is shown is replaced as a whole ($state.raw).
      "svelte/prefer-svelte-reactivity": "off",
      "svelte/require-each-key": "error",
      "import-x/no-cycle": "error",
      "no-console": "error",
      "no-restricted-imports": ["error", { patterns: [onlyHostTalksToTauri] }],
    },
  },
  {
    files: ["src/stores/**", "src/components/**", "src/words/**", "src/host/**"],
    rules: {
      "no-restricted-imports": ["error", { patterns: [onlyHostTalksToTauri, noFeatures] }],
    },
  },
  {
    files: ["src/host/tauri.ts"],
    rules: { "no-restricted-imports": ["error", { patterns: [noFeatures] }] },
  },
  { files: ["scripts/**"], rules: { "no-console": "off" } },
  ...featureRules,
);
