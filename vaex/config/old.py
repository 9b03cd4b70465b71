"""Configs of earlier runs: `model.kind` and flat fields, as sections; and what a field meant before it was there."""

from vaex.files import Fields

_FLOWS = ("planar", "iaf", "affine_coupling", "spline_coupling")


def is_old(config: object) -> bool:
    """Whether a config.json has the fields of before."""
    match config:
        case {"model": {"kind": _}}:
            return True
    return False


def carried_over(config: Fields) -> Fields:
    """The fields of a config.json as they are named now, with what was so before there was a field for it."""
    if not is_old(config):
        return config | {"model": _with_head(config["model"])} if "model" in config else config
    train = {k: v for k, v in config["train"].items() if k != "fit_prior_after"}
    optimizer = config["optimizer"]
    final = optimizer.get("final_learning_rate")
    data = ("name", "dir", "num_validation", "num_labels", "missing", "binarize", "condition")
    return {
        "seed": config["seed"],
        "data": {k: config["data"].get(k) for k in data},
        "model": _model(config),
        "objective": _set(config["objective"]),
        "schedule": _schedule(config["schedule"]),
        "optimizer": _set({k: optimizer.get(k) for k in ("name", "learning_rate", "eps")}),
        "train": _set(train)
        | _set({k: optimizer.get(k) for k in ("clip_norm", "max_skipped")})
        | ({} if final is None else {"learning_rate": {"name": "cosine", "final": final}}),
        "evaluate": config["evaluate"],
    }


def num_classes(config: Fields) -> int:
    """How many classes an old config.json says that labels have; 0 where it says nothing."""
    return config["data"].get("num_classes") or 0


def _model(config: Fields) -> Fields:
    c, data = config["model"], config["data"]
    kind = "autoencoder" if c["posterior"] == "point" else "vae" if c["kind"] == "conditional" else c["kind"]
    widths = {k: c[k] for k in ("encoder_hidden", "decoder_hidden")}
    activation = {} if c["network"] == "gated" else {"activation": c["activation"]}
    network = {"name": c["network"], **widths, **activation, **_set({k: c[k] for k in ("channels", "num_blocks")})}
    layers = {k: c[k] for k in ("latent_dims", "between_hidden")} | widths | {"activation": c["activation"]}
    latent, likelihood = {"latent_dim": c["latent_dim"]}, {"likelihood": _likelihood(c)}
    noise = {"name": data.get("noise"), "level": data.get("noise_level")}
    of_kind = {
        "vae": latent | {"network": network, "posterior": _posterior(c), "prior": _prior(config)},
        "autoencoder": latent | {"network": network, "noise": noise if noise["name"] else None},
        "hierarchy": layers,
        "ladder": layers,
        "deep": latent | {k: c[k] for k in ("channels", "num_blocks", "activation")},
        "vqvae": latent
        | widths
        | {k: c[k] for k in ("num_codes", "patch", "activation")}
        | _set({k: c[k] for k in ("codebook_decay", "prior_width", "prior_depth")}),
        "m2": latent | {"network": network} | ({"prior": _prior(config)} if c["prior"] else {}),
        "m1m2": latent | {"network": network} | {k: c[k] for k in ("upper_dim", "upper_hidden", "activation")},
    }
    return _with_head({"name": kind, **of_kind[kind], **likelihood})


def _with_head(model: Fields) -> Fields:
    """Deep models had their activation before the image, too."""
    match model:
        case {"name": "deep", "activation": activation}:
            return {"head_activation": activation} | model
    return model


def _posterior(c: Fields) -> Fields:
    name = c["posterior"]
    options = {"num_flows": c["num_flows"], "num_classes": c["num_classes"], "num_bins": c["num_bins"]}
    if name in _FLOWS[1:]:
        options |= {"hidden": c["flow_hidden"], "context_dim": c["flow_context"], "activation": c["activation"]}
    return {"name": name, **_set(options)}


def _prior(config: Fields) -> Fields | None:
    c, name = config["model"], config["model"]["prior"]
    if name is None and config["data"].get("condition") is not None:
        return {"name": "conditional", "hidden": c["encoder_hidden"], "activation": c["activation"]}
    if name is None:
        return None
    of_flow = {"num_flows": c["prior_flows"], "hidden": c["prior_hidden"], "activation": c["activation"]}
    after = {"fit_after": config["train"].get("fit_prior_after")} if name == "mixture" else {}
    return {
        "name": name,
        **_set({"num_components": c["num_components"], **(of_flow if name == "flow" else {}), **after}),
    }


def _likelihood(c: Fields) -> Fields:
    return {"name": c["likelihood"], **_set({"sigma": c["sigma"], "num_components": c["likelihood_components"]})}


def _schedule(schedule: Fields) -> Fields | None:
    if schedule.get("option") is None:
        return None
    return {"name": schedule["kind"] or "linear", **_set({k: schedule[k] for k in ("option", "start", "steps")})}


def _set(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if value is not None}
