// State Server under PM2: `pm2 start ecosystem.config.js`, or `--only stateserver-gateway`.
// All settings come from the environment (STATESERVER_...); `stateserver check` shows and tries them.

const path = require("node:path");

const program = path.join(__dirname, ".venv", "bin", "stateserver");

const common = {
  script: program,
  interpreter: "none",
  cwd: __dirname,
  autorestart: true,
  // Growing pauses, up to 15 s, and never given up: a monitor that stays down would be silence.
  exp_backoff_restart_delay: 200,
  // Time for the last checkpoint to be committed and the consumer group to be left.
  kill_timeout: 10000,
  merge_logs: true,
};

module.exports = {
  apps: [
    { ...common, name: "stateserver-worker", args: "worker" },
    { ...common, name: "stateserver-gateway", args: "gateway" },
  ],
};
