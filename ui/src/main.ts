import { mount } from "svelte";

import App from "./App.svelte";
import "./components/menu.css";
import { chooseHost } from "./host/choose.ts";
import "./style/base.css";
import "./style/tokens.css";

const target = document.getElementById("app");
if (target) {
  void chooseHost().then((host) => mount(App, { target, props: { host } }));
}
