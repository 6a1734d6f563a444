import node from "@astrojs/node";
import { defineConfig, envField } from "astro/config";

export default defineConfig({
  // Pages are built once; `src/pages/server.astro` alone is rendered for each visitor, which needs a server.
  adapter: node({ mode: "standalone" }),
  devToolbar: { enabled: false },
  env: {
    schema: {
      // Where browsers reach the recorder.
      PUBLIC_RECORDER_URL: envField.string({ context: "client", access: "public", default: "http://localhost:8080" }),
      // Where this site's own server reaches it, for the page that is rendered there.
      RECORDER_URL: envField.string({ context: "server", access: "secret", default: "http://localhost:8080" }),
    },
  },
});
