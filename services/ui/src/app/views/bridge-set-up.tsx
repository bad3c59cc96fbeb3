/** How to turn the bridge on, in short. */
export function BridgeSetUp() {
  return (
    <div className="set-up">
      <h3>To set it up</h3>
      <ol>
        <li>
          Install OpenClaw on this machine, connect its messenger, and tell it in <code>openclaw.json</code> not to answer by itself.
        </li>
        <li>
          In <code>.env</code> set <code>OPENCLAW_URL</code> to where it listens, and <code>OPENCLAW_AUTH_TOKEN</code> to its token, which is needed once.
        </li>
        <li>
          Run <code>make up</code>. This page then says whether it is connected; take the token out of <code>.env</code> again.
        </li>
        <li>
          List who is answered in <code>config/meta-config.yaml</code>, under <code>bridges.openclaw.platforms</code>. Nobody is, at first.
        </li>
      </ol>
      <p className="quiet">
        Each step in full, with the settings that OpenClaw needs: <code>docs/openclaw.md</code>.
      </p>
    </div>
  );
}
